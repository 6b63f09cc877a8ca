"""mini-ESC50: the owners' layout, families that differ in what they say, neutral recordings."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from benchmark.data.miniature.audit import BATTERIES
from benchmark.data.miniature.audit_base import Subject
from benchmark.data.miniature.audit_checks import EVERY_SET
from benchmark.data.miniature.audit_sound import (
    ESC_WINDOW,
    esc_folds,
    probabilities,
    statistics,
    wave_format,
    within,
)
from benchmark.data.miniature.build import ensure, folder, verify
from benchmark.data.miniature.clip import SAMPLE_RATE
from benchmark.data.miniature.esc import ESC10, MiniESC50
from benchmark.data.miniature.sound_events import KINDS, onsets, render
from benchmark.data.miniature.sound_families import (
    FAMILIES,
    GROUPS,
    draw_source,
    group_of,
    numbers_of,
)
from benchmark.data.miniature.sound_room import LOUDNESS, record

SETS = {"mini-esc50": f"{__name__}:FewESC", "breaks": f"{__name__}:BreaksESC"}


class FewESC(MiniESC50):
    """Five families of the ci tier."""

    def items(self, tier):
        return [item for item in super().items(tier) if item.plan["target"] % 5 == 0]


class BreaksESC(FewESC):
    """Fails at the fourth clip."""

    def draw(self, item):
        if item == self.items("ci")[3]:
            raise KeyboardInterrupt
        return super().draw(item)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    cache = tmp_path_factory.mktemp("esc")
    return ensure("mini-esc50", tier="ci", cache=cache, jobs=1, sets=SETS)


@pytest.fixture
def subject(built, tmp_path):
    return Subject(shutil.copytree(built, tmp_path / "copy"))


def test_sizes_and_tiers():
    base = {item.path: item for item in MiniESC50().items("base")}
    assert len(base) == 1000
    assert set(Counter(item.label for item in base.values()).values()) == {40}
    assert set(Counter(item.group for item in base.values()).values()) == {2}
    for tier, count in (("ci", 125), ("small", 500)):
        items = MiniESC50().items(tier)
        assert len(items) == count and all(base[item.path] == item for item in items)
        assert set(Counter(item.plan["fold"] for item in items).values()) == {count // 5}


def test_names_and_list_are_the_owners():
    items = MiniESC50().items("small")
    (name, text), *rest = MiniESC50().lists(items).items()
    assert name == "meta/esc50.csv" and rest == []
    lines = text.split("\n")
    assert lines[0] == "filename,fold,target,category,esc10,src_file,take"
    assert lines[1] == "1-100000-A-0.wav,1,0,metal_strike,False,100000,A"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 500 and {row["category"] for row in rows if row["esc10"] == "True"} == ESC10
    for row in rows:
        assert re.fullmatch(r"[1-5]-\d{6}-[AB]-\d+\.wav", row["filename"])
        fold, source, take, target = row["filename"].removesuffix(".wav").split("-")
        assert (row["fold"], row["src_file"], row["take"], row["target"]) == (
            fold,
            source,
            take,
            target,
        )
        assert FAMILIES[int(target)] == row["category"]
    folds = {row["src_file"]: set() for row in rows}
    for row in rows:
        folds[row["src_file"]].add(row["fold"])
    assert all(len(found) == 1 for found in folds.values())


def test_a_clip_is_drawn_alone_and_again():
    items = MiniESC50().items("ci")[::30]
    first = [MiniESC50().draw(item) for item in items]
    for item, clip in reversed(list(zip(items, first, strict=True))):
        again = MiniESC50().draw(item)
        np.testing.assert_array_equal(clip.wave, again.wave)
        assert clip.latents == again.latents
        assert clip.frames is None and clip.wave.shape == (32_000,)
        assert clip.wave.dtype == np.float32


def test_takes_are_two_stretches_of_one_source():
    one, two, other = (MiniESC50().draw(item) for item in MiniESC50().items("base")[:3])
    assert one.latents["numbers"] == two.latents["numbers"] != other.latents["numbers"]
    assert 0 <= one.latents["start"] <= 0.5 and 2.5 <= two.latents["start"] <= 3.0
    assert one.latents["recording"] != two.latents["recording"]
    assert abs(np.corrcoef(one.wave, two.wave)[0, 1]) < 0.3


def test_members_of_a_group_share_all_but_their_own_numbers():
    assert len(FAMILIES) == len(set(FAMILIES)) == 25
    for group in GROUPS:
        keys = [set(member) for member in group.members.values()]
        assert all(found == keys[0] for found in keys) and not keys[0] & set(group.shared)
        assert group.kind in KINDS
        alike = [numbers_of(name, contrast=0.0) for name in group.members]
        for key in keys[0]:
            assert np.ptp([numbers[key] for numbers in alike]) == pytest.approx(0, abs=1e-12)


def test_contrast_halves_octaves_and_signed_distances():
    # rates 120, 30 and 8: middle 30.65; half of the way in octaves is the geometric mean
    middle = (120 * 30 * 8) ** (1 / 3)
    assert numbers_of("rain", contrast=1.0)["rate"] == pytest.approx(120)
    assert numbers_of("rain", contrast=0.5)["rate"] == pytest.approx((120 * middle) ** 0.5)
    assert numbers_of("chirp_up", contrast=0.5)["glide"] == pytest.approx(0.75)
    assert numbers_of("chirp_down", contrast=0.5)["glide"] == pytest.approx(-0.75)


def test_a_source_stays_within_its_spread():
    rng = np.random.default_rng(0)
    drawn = [draw_source(rng, "revving", contrast=0.5, spread=0.15) for _ in range(300)]
    own = numbers_of("revving", contrast=0.5)["depth"]
    octaves = np.log2([numbers["depth"] for numbers in drawn]) - np.log2(own)
    assert 0.14 < np.abs(octaves).max() <= 0.15
    pitch = np.log2([numbers["pitch"] for numbers in drawn]) - np.log2(90.0)
    assert 0.48 < np.abs(pitch).max() <= 0.5


def test_onsets_keep_their_rate_and_evenness():
    even = onsets(np.random.default_rng(0), rate=4.0, unevenness=0.0, seconds=50.0)
    gaps = np.diff(even)
    assert len(even) == pytest.approx(200, abs=2)
    np.testing.assert_allclose(gaps, 0.25, atol=0.02)
    random = onsets(np.random.default_rng(0), rate=50.0, unevenness=1.0, seconds=100.0)
    gaps = np.diff(random)
    assert gaps.mean() == pytest.approx(0.02, rel=0.05)
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.05)
    assert random.min() >= 0 and random.max() < 100


def spectrum(wave):
    return np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE), np.abs(np.fft.rfft(wave)) ** 2


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_sounds_with_unit_power(family):
    rng = np.random.default_rng(1)
    wave = render(
        group_of(family).kind, draw_source(rng, family, contrast=1, spread=0), rng, seconds=2
    )
    assert wave.shape == (32_000,) and np.isfinite(wave).all()
    assert np.sqrt(np.mean(wave**2)) == pytest.approx(1, rel=1e-6)


def test_kinds_do_what_their_numbers_say():
    tone = {"pitch": 500.0, "rate": 1.0, "depth": 0.5, "square": 50.0, "fall": 9.0}
    hertz, power = spectrum(render("tones", tone, np.random.default_rng(0), seconds=4))
    low, high = (power[np.abs(hertz - 500 * 2**s) < 15].sum() / power.sum() for s in (-0.5, 0.5))
    assert low + high > 0.9 and min(low, high) > 0.3  # two steps, an octave apart
    up = {"pitch": 1000.0, "rate": 1.0, "unevenness": 0.0, "length": 0.5, "trill": 0.0}
    for glide in (1.0, -1.0):
        wave = render("notes", up | {"glide": glide}, np.random.default_rng(0), seconds=4)
        loud = np.flatnonzero(np.abs(wave) > 1e-6)
        first = loud[np.flatnonzero(np.diff(loud) > 1000)[0] + 1]  # a note after a pause
        halves = [wave[first + s : first + s + 4000] for s in (0, 4000)]
        peaks = [hertz[power.argmax()] for hertz, power in map(spectrum, halves)]
        assert np.sign(peaks[1] - peaks[0]) == glide
    hiss = {"corner": 400.0, "slope": 2.0, "pitch": 100.0, "wander": 0.0, "rate": 1.0}
    wave = render("hiss", hiss | {"depth": 0.0, "hum": 0.0}, np.random.default_rng(0), seconds=8)
    hertz, power = spectrum(wave)
    octave = [power[(hertz > f) & (hertz < 2 * f)].mean() for f in (1600, 3200)]
    # far above the corner power falls as f^-4: 12 dB an octave
    assert 10 * np.log10(octave[0] / octave[1]) == pytest.approx(12, abs=0.7)
    engine = {"pitch": 100.0, "rate": 1.0, "noise": 0.0}
    spread = []
    for depth in (0.0, 0.8):
        hertz, power = spectrum(
            render("motors", engine | {"depth": depth}, np.random.default_rng(0), seconds=4)
        )
        spread.append(power[(hertz > 95) & (hertz < 105)].sum() / power.sum())
    # one of six harmonics whose power falls as k^-1.2
    assert spread[0] == pytest.approx(1 / sum(k**-1.2 for k in range(1, 7)), abs=0.01)
    assert spread[1] < spread[0] / 3


def test_a_recording_is_as_loud_and_as_dull_as_it_was_drawn():
    rng = np.random.default_rng(0)
    loudest = []
    for sound in (np.sin(np.arange(32_000) / 3), rng.standard_normal(32_000) ** 5):
        wave, drawn = record(sound, np.random.default_rng(5), snr=(-3.0, 9.0))
        assert 20 * np.log10(np.sqrt(np.mean(wave**2))) == pytest.approx(
            drawn["loudness_db"], abs=0.1
        )
        assert LOUDNESS[0] <= drawn["loudness_db"] <= LOUDNESS[1] and -3 <= drawn["snr_db"] <= 9
        hertz, power = spectrum(wave)
        above = power[hertz > 1.5 * drawn["low_pass_hz"]].sum() / power.sum()
        assert above < 1e-4
        loudest.append(drawn)
    drawn = [{k: v for k, v in one.items() if k != "cut_samples"} for one in loudest]
    assert drawn[0] == drawn[1]  # nothing that is drawn depends on the sound


def test_the_signal_to_noise_ratio_is_what_was_drawn():
    sound = np.sin(2 * np.pi * 500 * np.arange(160_000) / SAMPLE_RATE)
    for snr in (-3.0, 9.0):
        wave, _ = record(sound, np.random.default_rng(1), snr=(snr, snr))
        hertz, power = spectrum(wave)
        tone = np.abs(hertz - 500) < 3
        share = power[tone].sum() / power[~tone].sum()
        # the low-pass takes some of the noise, and the echo is not a tone alone
        assert 10 * np.log10(share) == pytest.approx(snr, abs=2.5)


def test_a_built_set_holds_sounds_alone(built):
    assert verify(built) == []
    with (built / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["frames"], row["seconds"]) for row in rows} == {("0", "2.0")}
    assert {row["bytes"] for row in rows} == {str(44 + 2 * 32_000)}
    card = json.loads((built / "card.json").read_text())
    assert card["fps"] == [] and card["difficulty"] == dict(MiniESC50.difficulty)


def test_a_killed_build_of_sounds_carries_on(built, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        ensure("breaks", tier="ci", cache=tmp_path, jobs=1, sets=SETS)
    root = folder("mini-esc50", tier="ci", cache=tmp_path, sets=SETS)
    first = sorted((root / "audio").iterdir())[0]
    first.write_bytes(first.read_bytes()[:-2])  # one of the three was not complete
    counts = []
    report = lambda *count: counts.append(count)  # noqa: E731
    ensure("mini-esc50", tier="ci", cache=tmp_path, jobs=1, sets=SETS, progress=report)
    assert counts[0] == (3, 25) and counts[-1] == (25, 25)
    assert verify(root) == []
    assert (root / "index.csv").read_bytes() == (built / "index.csv").read_bytes()


def test_the_audit_of_a_small_set_passes_what_is_exact(subject):
    results = [r for check in (*EVERY_SET, *BATTERIES["mini-esc50"]) for r in check(subject)]
    assert [result.line() for result in results if result.passed is False] == []
    assert len([result for result in results if result.passed]) == 9
    open_ones = [result for result in results if result.passed is None]
    assert len(open_ones) == 4
    assert {result.note for result in open_ones} == {"not measured at this tier"}


def test_the_audit_finds_folds_lists_and_formats_that_are_wrong(subject):
    assert [result.value for result in esc_folds(subject)] == [0, 0, 0]
    subject.groups[1] = subject.groups[0]
    assert [result.value for result in esc_folds(subject)] == [1, 0, 0]
    listed = subject.root / "meta" / "esc50.csv"
    listed.write_text(listed.read_text().replace("A-0.wav,1,0,", "A-0.wav,2,0,", 1))
    assert [result.value for result in esc_folds(subject)] == [1, 0, 2]
    assert wave_format(subject)[0].passed is True
    path = subject.root / subject.rows[0]["path"]
    soundfile.write(path, np.zeros(32_000), 44_100, subtype="PCM_16")
    assert wave_format(subject)[0].value == 1
    soundfile.write(path, np.zeros(31_999), SAMPLE_RATE, subtype="PCM_16")
    assert wave_format(subject)[0].value == 1


def test_the_probe_reads_statistics_and_has_a_window():
    rng = np.random.default_rng(0)
    waves = rng.standard_normal((60, 8000))
    waves[::2] = np.cumsum(waves[::2], axis=1) / 10
    labels = np.array(["dull", "white"] * 30)
    table = np.array([statistics(wave) for wave in waves])
    assert table.shape == (60, 120)
    found = probabilities(table[:40], labels[:40], table[40:])
    assert ((found[:, 1] > 0.5) == (labels[40:] == "white")).all()
    result = within("probe", 0.5, ESC_WINDOW)
    assert result.passed and result.limit == "0.45 to 0.65"
    assert [within("probe", value, ESC_WINDOW).passed for value in (0.44, 0.66)] == [False, False]
    assert replace(result, value=0.45).passed
