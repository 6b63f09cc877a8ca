"""A lossless pack gives what the files give, bit for bit; JPEG within the error that it states."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from benchmark.data import adapters
from benchmark.data.container import MediaError, NoAudioError
from benchmark.data.crops import choose_crop
from benchmark.data.dataset import ClipDataset
from benchmark.data.miniature.build import ensure
from benchmark.data.opened import DirectClip, Sample
from benchmark.data.pack.clip import thin
from benchmark.data.pack.facts import read_facts
from benchmark.settings import Pack
from registries.sampling import Anchor, ClipSampling, View

SIZE, RATE = 56, 16_000
VIDEO = View(modality="video", clip_len=10, seconds=1.0)
AUDIO = View(modality="audio", clip_len=20, seconds=1.0)
BOTH = ClipSampling({"video": VIDEO, "audio": AUDIO})
MANY = ClipSampling(
    {
        "fast": View(modality="video", clip_len=5, seconds=0.2, speeds=(1, 2, 4), reverse=0.5),
        "heard": View(modality="audio", clip_len=20, seconds=0.3, speeds=(1, 2), reverse=0.5),
        "later": View(modality="video", clip_len=3, seconds=0.2, num_clips=2, anchor="later"),
        "long": View(modality="video", clip_len=7, seconds=6.0, anchor="other"),
        "sung": View(modality="audio", clip_len=20, seconds=6.0, anchor="other"),
    },
    {"later": Anchor(after="now", gap=(-0.1, 0.1), either_side=True), "other": Anchor()},
)


def both(manifest, store, *, sampling=BOTH, size=SIZE, **options):
    """The dataset read from files, and from packs."""
    given = {"train": True, "seed": 3, **options}
    return [
        ClipDataset(manifest, sampling, size=size, store=place, **given) for place in (None, store)
    ]


def assert_equal(one, other):
    """Resampled sound to the last bit but one: how long a stretch is decides how its sums round."""
    resampled = one["data_samples"]["id"].startswith("b")
    for name, value in one["inputs"].items():
        if resampled and value.dtype == torch.float32:
            assert torch.allclose(value, other["inputs"][name], rtol=0, atol=2**-23), name
        else:
            assert torch.equal(value, other["inputs"][name]), name
    assert one["data_samples"]["valid"] == other["data_samples"]["valid"]


def test_lossless_is_bit_for_bit(heard, packed):
    """Random spans, several speeds, reversed, in relation, longer than the clip."""
    store = packed(heard)
    for sampling in (BOTH, MANY):
        files, packs = both(heard, store, sampling=sampling)
        for epoch in range(2):
            for dataset in (files, packs):
                dataset.set_epoch(epoch)
            for index in range(len(heard)):
                assert_equal(files[index], packs[index])
    for clips in (1, 3):
        files, packs = both(heard, store, train=False, clips=clips)
        for index in range(len(heard)):
            assert_equal(files[index], packs[index])


def test_any_moment_and_any_stretch_is_the_same(heard, packed):
    """Also before the start and beyond the end."""
    store, rng = packed(heard), np.random.default_rng(0)
    crop = choose_crop("full", heard)
    for row in range(len(heard)):
        sample = Sample(heard, row, crop=crop, size=SIZE)
        direct = DirectClip(sample, sample_rate=RATE)
        with direct, store.open(sample, sample_rate=RATE) as clip:
            assert clip.duration == direct.duration
            times = rng.uniform(-0.5, clip.duration + 0.5, 200)
            for found, expected in zip(clip.frames(times), direct.frames(times), strict=True):
                assert np.array_equal(found, expected)
            for start in rng.uniform(-1, clip.duration + 0.5, 8):
                length = rng.choice([0.01, 0.5, 3.0])
                found, expected = clip.wave(start, length), direct.wave(start, length)
                atol = 2**-23 if sample.id.startswith("b") else 0.0  # as in assert_equal
                assert np.allclose(found[0], expected[0], rtol=0, atol=atol)
                assert np.array_equal(found[1], expected[1])


@pytest.mark.parametrize("crop", ["full", "speaker", "face"])
def test_a_miniature_is_the_same(mini_cache, packed, crop):
    root = ensure("mini-dfdc", tier="ci", cache=mini_cache)
    manifest = adapters.read("dfdc", root).split("train").take(5)
    store = packed(manifest, crop=crop)
    files, packs = both(manifest, store, sampling=MANY, crop=crop)
    for index in range(len(manifest)):
        assert_equal(files[index], packs[index])


@pytest.mark.parametrize("name", ["ucf101", "vggsound"])
def test_real_clips_are_the_same(real_data, packed, name):
    manifest = adapters.read(name, real_data / name)
    some = manifest.keep(np.linspace(0, len(manifest) - 1, 3).round().astype(int))
    sampling = BOTH if name == "vggsound" else ClipSampling({"video": VIDEO})
    store = packed(some)
    files, packs = both(some, store, sampling=sampling)
    for index in range(len(some)):
        assert_equal(files[index], packs[index])


def test_jpeg_is_as_near_as_it_says(heard, packed, tmp_path):
    store = packed(heard, Pack(quality=90), size=40)  # edges of the code inside JPEG's blocks
    (folder,) = (tmp_path / "packs").glob("toy-*")
    facts, crop = read_facts(folder), choose_crop("full", heard)
    apart, sounds = [], []
    for row in range(len(heard)):
        sample = Sample(heard, row, crop=crop, size=40)
        direct = DirectClip(sample, sample_rate=RATE)
        with direct, store.open(sample, sample_rate=RATE) as clip:
            edges = clip._stored.times
            middles = (np.maximum(edges[:-1], 0) + np.minimum(edges[1:], clip.duration)) / 2
            frames = [each.frames(middles)[0].astype(float) for each in (clip, direct)]
            apart.append((frames[0] - frames[1]).ravel())
            waves = [each.wave(0.0, clip.duration) for each in (clip, direct)]
            assert np.array_equal(waves[0][1], waves[1][1])
            sounds.append(np.abs(waves[0][0] - waves[1][0]).max())
    values = np.concatenate(apart)
    assert facts.mean_error == pytest.approx(np.abs(values).mean())
    assert facts.psnr == pytest.approx(10 * np.log10(255**2 / (values**2).mean()))
    assert 0 < facts.mean_error < 3
    assert max(sounds) <= 0.5 / 32767 + 1e-7


def test_a_better_quality_is_nearer_and_larger(heard, packed, tmp_path):
    for quality in (50, 95):
        packed(heard, Pack(quality=quality), size=40)
    cards = [read_facts(folder) for folder in (tmp_path / "packs").glob("toy-*")]
    low, high = sorted(cards, key=lambda card: card.how.quality)
    assert high.psnr > low.psnr + 3
    assert high.bytes > low.bytes


def test_frames_of_a_lower_rate_lie_on_a_grid(heard, packed):
    store, rng = packed(heard, Pack(codec="raw", fps=5)), np.random.default_rng(1)
    crop = choose_crop("full", heard)
    for row in range(len(heard)):
        sample = Sample(heard, row, crop=crop, size=SIZE)
        direct = DirectClip(sample, sample_rate=RATE)
        with direct, store.open(sample, sample_rate=RATE) as clip:
            assert len(clip._stored.frames) <= np.ceil(clip.duration * 5)
            whole = np.floor(clip.duration * 5) / 5
            times = rng.uniform(0, whole, 50)
            expected = direct.frames((np.floor(times * 5) + 0.5) / 5)
            found = clip.frames(times)
            assert np.array_equal(found[0], expected[0])
            assert np.array_equal(found[1], expected[1])


def test_no_frame_is_kept_twice_for_a_higher_rate(heard, packed):
    store, crop = packed(heard, Pack(codec="raw", fps=60)), choose_crop("full", heard)
    with store.open(Sample(heard, 0, crop=crop, size=SIZE), sample_rate=RATE) as clip:
        assert len(clip._stored.frames) == 100


@pytest.mark.parametrize(
    ("edges", "fps", "chosen", "kept"),
    [
        ([0, 0.04, 0.08, 0.12], None, [0, 1, 2], [0, 0.04, 0.08, 0.12]),
        ([0, 0.1, 0.2, 0.3, 0.4], 5, [1, 3], [0, 0.2, 0.4]),
        ([-0.05, 0.05, 0.15, 0.25], 5, [1], [-0.05, 0.25]),  # the middle of the second: beyond
        ([0, 0.04, 0.08], 1, [0], [0, 0.08]),  # shorter than half a slot
    ],
)
def test_what_is_kept_at_a_rate(edges, fps, chosen, kept):
    found, times = thin(np.array(edges), fps, duration=edges[-1])
    assert found.tolist() == chosen
    assert times.tolist() == pytest.approx(kept)


@pytest.mark.parametrize("how", [Pack(codec="raw"), Pack()])
def test_order_and_content_are_the_same_for_any_number_of_workers(heard, packed, how):
    data = both(heard, packed(heard, how))[1]

    def batches(workers):
        generator = torch.Generator().manual_seed(5)
        loader = DataLoader(
            data, batch_size=2, num_workers=workers, shuffle=True, generator=generator
        )
        return list(loader)

    first = batches(0)
    for workers in (1, 4):
        for one, other in zip(first, batches(workers), strict=True):
            assert one["data_samples"]["id"] == other["data_samples"]["id"]
            for name, value in one["inputs"].items():
                assert torch.equal(value, other["inputs"][name])


def test_clips_without_sound_or_picture(manifest_of, coded_clips, packed):
    silent = manifest_of(coded_clips, ["silent.mp4", "sound.wav"])
    store = packed(silent)
    with pytest.raises(NoAudioError, match=r"silent\.mp4"):
        ClipDataset(silent, BOTH, size=SIZE, train=True, seed=0, store=store)[0]
    files, packs = both(silent.take(1), store, sampling=ClipSampling({"video": VIDEO}))
    assert_equal(files[0], packs[0])
    sound = silent.keep(np.array([False, True]))
    files, packs = both(sound, store, sampling=ClipSampling({"audio": AUDIO}))
    assert_equal(files[0], packs[0])
    with pytest.raises(MediaError, match="sound file"):
        both(sound, store)[1][0]
