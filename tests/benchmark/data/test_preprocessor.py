"""Video and sound on the device: shapes, exact centre, shared draws, reproducibility, librosa."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import default_collate

from benchmark.data.augment import Augment, Draw
from benchmark.data.logmel import MEAN, STD, LogMel
from benchmark.data.preprocessor import ClipPreprocessor
from registries.errors import UsageError
from registries.sampling import ClipTimes, View

VIEWS = {
    "one": View(modality="video", clip_len=3, seconds=1.0),
    "same": View(modality="video", clip_len=3, seconds=1.0),
    "other": View(modality="video", clip_len=3, seconds=1.0, augment="b"),
    "many": View(modality="video", clip_len=2, seconds=1.0, num_clips=2),
    "sound": View(modality="audio", clip_len=25, seconds=0.5),
}
SIDE, SIZE = 24, 16


def item(seed: int) -> dict:
    rng = torch.Generator().manual_seed(seed)
    picture = torch.randint(0, 256, (1, 3, SIDE, SIDE, 3), generator=rng, dtype=torch.uint8)
    times = {name: ClipTimes(torch.zeros(1), torch.ones(1), torch.zeros(1)) for name in VIEWS}
    return {
        "inputs": {
            "one": picture,
            "same": picture,
            "other": picture,
            "many": picture[:, :2].repeat(2, 1, 1, 1, 1),
            "sound": torch.randn(1, 8000, generator=rng),
        },
        "data_samples": {"index": seed, "id": f"v{seed}", "target": 1, "times": times},
    }


def batch(count: int = 6) -> dict:
    return default_collate([item(seed) for seed in range(count)])


def test_testing_takes_the_centre():
    out = ClipPreprocessor(VIEWS, size=SIZE, augment=Augment())(batch(), False)
    raw = batch()["inputs"]["one"][:, 0, :, 4:20, 4:20].permute(0, 4, 1, 2, 3) / 255
    mean = torch.tensor([0.43216, 0.394666, 0.37645]).view(3, 1, 1, 1)
    std = torch.tensor([0.22803, 0.22145, 0.216989]).view(3, 1, 1, 1)
    torch.testing.assert_close(out["inputs"]["one"], (raw - mean) / std)
    assert out["inputs"]["many"].shape == (6, 2, 3, 2, SIZE, SIZE)
    assert out["inputs"]["sound"].shape == (6, 80, 25)
    assert out["data_samples"]["id"] == [f"v{i}" for i in range(6)]


def test_several_test_clips_keep_their_axis():
    data = batch(2)
    data["inputs"] = {"one": data["inputs"]["one"].repeat(1, 5, 1, 1, 1, 1)}
    assert ClipPreprocessor(VIEWS, size=SIZE)(data)["inputs"]["one"].shape == (2, 5, 3, 3, 16, 16)


@pytest.mark.parametrize("scale", [(0.2, 1.0), None])
def test_views_of_a_letter_and_clips_of_a_view_share_the_draw(scale):
    out = ClipPreprocessor(VIEWS, size=SIZE, augment={"scale": scale, "grey": 0.5})(batch(), True)
    inputs = out["inputs"]
    torch.testing.assert_close(inputs["one"], inputs["same"])
    torch.testing.assert_close(inputs["many"][:, 0], inputs["many"][:, 1])
    assert not torch.allclose(inputs["one"], inputs["other"])


def test_draws_follow_seed_and_step_and_survive_a_checkpoint():
    def make(seed: int = 0) -> ClipPreprocessor:
        return ClipPreprocessor(VIEWS, size=SIZE, augment={}, seed=seed)

    straight = make()
    first, second = (straight(batch(), True)["inputs"]["one"] for _ in range(2))
    assert not torch.equal(first, second)
    assert not torch.equal(make(1)(batch(), True)["inputs"]["one"], first)
    again = make()
    assert torch.equal(again(batch(), True)["inputs"]["one"], first)
    again(batch(), False)  # testing in between takes nothing from the stream
    resumed = make()
    resumed.load_state_dict(again.state_dict())
    assert torch.equal(resumed(batch(), True)["inputs"]["one"], second)


def test_collated_without_stacking():
    loose = pseudo_collate([item(seed) for seed in range(6)])
    made = [ClipPreprocessor(VIEWS, size=SIZE, augment={})(data, True) for data in (loose, batch())]
    for name in VIEWS:
        assert torch.equal(made[0]["inputs"][name], made[1]["inputs"][name])
    assert made[0]["data_samples"]["index"].tolist() == list(range(6))
    assert made[0]["data_samples"]["times"]["one"].start.shape == (6, 1)


def test_whole_frame_crop_is_the_identity_and_flip_mirrors():
    planes = batch()["inputs"]["one"].permute(0, 1, 5, 2, 3, 4)
    draw = Draw.make(6, torch.Generator().manual_seed(0))
    keep = Augment(scale=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0, jitter=0.0)
    torch.testing.assert_close(keep.crop(planes, draw, SIDE), planes / 255)
    mirror = Augment(scale=(1.0, 1.0), ratio=(1.0, 1.0), flip=1.0, jitter=0.0)
    torch.testing.assert_close(mirror.crop(planes, draw, SIDE), planes.flip(-1) / 255)
    shifted = Augment(scale=None, flip=0.0).crop(planes, draw, SIDE)
    torch.testing.assert_close(shifted, planes / 255)


def test_crops_stay_in_the_frame_and_use_the_scale():
    draw = Draw.make(4000, torch.Generator().manual_seed(1))
    tall, wide, top, left = Augment(scale=(0.2, 1.0)).boxes(draw, 100, 100)
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + tall <= 100 + 1e-3).all()
    assert (left + wide <= 100 + 1e-3).all()
    share = tall * wide / 1e4
    assert float(share.min()) < 0.21
    assert float(share.mean()) == pytest.approx(0.59, abs=0.02)  # 0.6 less what is cut at the frame


def test_colours_by_hand():
    pixels = torch.rand(1, 1, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0)) * 0.4 + 0.2
    half = torch.full((1,), 0.5)
    draw = Draw(*[half] * len(Draw._fields))
    grey = (pixels * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1, 1)).sum(2, keepdim=True)

    def changed(jitter, chance: float = 0.0, **numbers: float) -> torch.Tensor:
        full = {name: torch.full((1,), value) for name, value in numbers.items()}
        return Augment(jitter=jitter, grey=chance).colour(pixels, draw._replace(**full))

    torch.testing.assert_close(
        changed(0.4), pixels, atol=1e-5, rtol=0
    )  # the middle changes nothing
    torch.testing.assert_close(changed((0.4, 0, 0, 0), brightness=1.0), pixels * 1.4)
    torch.testing.assert_close(changed((0, 0, 0.4, 0), saturation=0.0), 0.6 * pixels + 0.4 * grey)
    torch.testing.assert_close(
        changed((0, 0.4, 0, 0), contrast=0.0), 0.6 * pixels + 0.4 * grey.mean()
    )
    torch.testing.assert_close(changed(0.0, chance=0.6), grey.expand_as(pixels))
    turned = changed((0, 0, 0, 0.1), hue=1.0)
    luma = (turned * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1, 1)).sum(2, keepdim=True)
    torch.testing.assert_close(luma, grey, atol=1e-3, rtol=0)  # a turn of the hue keeps the luma
    assert (turned - pixels).abs().max() > 0.02


def test_turning_and_zooming_by_hand():
    rng = torch.Generator().manual_seed(0)
    pixels = torch.rand(2, 1, 3, 2, 8, 8, generator=rng)
    middle = Draw(*[torch.full((2,), 0.5)] * len(Draw._fields))
    quarter = Augment(rotate=90).turn(pixels, middle._replace(rotate=torch.tensor([0.5, 1.0])))
    torch.testing.assert_close(quarter[0], pixels[0])  # the middle changes nothing
    torch.testing.assert_close(quarter[1], torch.rot90(pixels[1], 1, (-2, -1)))
    ramp = torch.arange(8.0).expand_as(pixels)
    grown = Augment(zoom=0.6).turn(ramp, middle._replace(zoom=torch.tensor([0.5, 1.0])))
    torch.testing.assert_close(grown[1], 3.5 + (ramp[1] - 3.5) / 1.6)
    torch.testing.assert_close(Augment().turn(pixels, middle), pixels, rtol=0, atol=0)


def test_delay_repeats_the_ends():
    clip = torch.arange(5.0).view(1, 1, 1, 5, 1, 1).expand(3, 1, 3, 5, 2, 2)
    middle = Draw(*[torch.full((3,), 0.5)] * len(Draw._fields))
    moved = Augment(shift=2).delay(clip, middle._replace(shift=torch.tensor([0.0, 0.5, 0.999])))
    assert moved[:, 0, 0, :, 0, 0].tolist() == [
        [2, 3, 4, 4, 4],
        [0, 1, 2, 3, 4],
        [0, 0, 0, 1, 2],
    ]


def test_unknown_augmentation_is_refused():
    with pytest.raises(UsageError, match="unknown option of the augmentation 'flips'"):
        ClipPreprocessor(VIEWS, size=SIZE, augment={"flips": 0.5})
    with pytest.raises(ValueError, match="smaller than the output"):
        ClipPreprocessor(VIEWS, size=32)(batch())


@pytest.mark.parametrize("kind", ["noise", "chirp", "silence"])
def test_logmel_equals_librosa(kind):
    time = np.arange(16_000) / 16_000
    wave = {
        "noise": np.random.default_rng(0).normal(0, 0.1, 16_000),
        "chirp": 0.5 * np.sin(2 * np.pi * (50 * time + 3900 * time**2)),
        "silence": np.zeros(16_000),
    }[kind].astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=np.pad(wave, 176, mode="reflect"),
        sr=16_000,
        n_fft=512,
        win_length=400,
        hop_length=160,
        center=False,
        n_mels=80,
    )
    found = LogMel().spectrogram(torch.from_numpy(wave)[None])[0].numpy()
    assert found.shape == (80, 100)
    # float32 transforms differ by about 1e-6 of the loudest bin, which shows near the floor
    assert found == pytest.approx(np.log(power + 1e-6), abs=2e-2)
    assert np.abs(found - np.log(power + 1e-6)).mean() < 1e-4


def test_logmel_steps_are_means_of_equal_spans_and_reverse_with_the_sound():
    wave = torch.randn(2, 16_000, generator=torch.Generator().manual_seed(0)) * 0.1
    mel = LogMel()
    full = mel.spectrogram(wave)
    pooled = mel(wave, steps=25)
    torch.testing.assert_close(pooled, (full.reshape(2, 80, 25, 4).mean(-1) - MEAN) / STD)
    torch.testing.assert_close(mel(wave.flip(-1), steps=100).flip(-1), mel(wave, steps=100),
                               atol=2e-2, rtol=0)  # fmt: skip
    assert mel(wave[None], steps=7).shape == (1, 2, 80, 7)
