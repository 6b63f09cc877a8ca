"""The corpus of damaged files: each becomes what the table in benchmark.data.scan says of it."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from damaged_files import FPS, SECONDS, make, number_of, write
from troubled_decoder import trouble, troubled_look

from benchmark.data import container, scan
from benchmark.data.container import MediaError
from benchmark.data.dataset import ClipDataset
from benchmark.data.isolated import Lost, ask
from benchmark.data.manifest import Manifest
from benchmark.data.reader import read_all
from benchmark.data.ready import decode_all, judged, opened
from benchmark.data.rows.columns import make_rows
from benchmark.data.scan import fit
from benchmark.data.store import LISTED, FrameStore
from registries.errors import NotReadyError
from registries.sampling import ClipSampling, View

SAMPLING = ClipSampling(
    {
        "video": View(modality="video", clip_len=round(SECONDS * FPS), seconds=SECONDS),
        "audio": View(modality="audio", clip_len=48, seconds=SECONDS),
    }
)
SIGHT = ClipSampling({"video": SAMPLING.views["video"]})


def manifest(root, cases, **columns):
    """A manifest whose labels are the numbers that the files show."""
    rows = [
        {"id": f"id {case.number}", "path": f"clips/{case.name}", "split": "train"}
        | {"label": case.number}
        | {name: value(case) for name, value in columns.items()}
        for case in cases
    ]
    return Manifest(
        name="damaged",
        root=root,
        rows=make_rows(rows),
        labels=tuple(map(str, range(256))),
        kind="full",
        version="1",
        expected=len(rows),
        missing=(),
        licence="none",
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("damaged")
    cases = make(root)
    assert len(cases) >= 40
    return root, cases


@pytest.fixture(scope="module")
def seen(corpus):
    """The corpus after the look that every real dataset gets."""
    return opened(manifest(*corpus), max_bad=1.0)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))


def of(cases, *outcomes):
    return [case for case in cases if case.outcome in outcomes]


def dataset(root, cases, *, sampling=SAMPLING, store=None):
    listed = manifest(root, cases)
    return ClipDataset(listed, sampling, size=56, train=False, seed=0, store=store)


def test_the_table_and_the_corpus_agree(corpus):
    """Every line of the table has a file or a test below, every file its line."""
    lines = re.findall(r"^    (\S.*?)  +(\S.*)$", scan.__doc__, flags=re.MULTILINE)
    table = {what: outcome.split(" where")[0] for what, outcome in lines}
    elsewhere = {
        "longer to look at than `LIMIT`, crashes a decoder",
        "segment that begins after the end",
    }
    assert table.keys() - elsewhere == {case.what for case in corpus[1]}
    for case in corpus[1]:
        assert table[case.what] == ("left out" if case.what == "no sound" else case.outcome) or (
            case.outcome == "silent" and table[case.what] == "read"
        ), case


def test_coverage_is_counted_exactly(corpus, seen):
    _, cases = corpus
    lost = {f"clips/{case.name}" for case in of(cases, "left out")}
    assert set(seen.missing) == lost and len(seen.missing) == len(lost)
    assert len(seen) == len(cases) - len(lost) and seen.expected == len(cases)
    kept = {case.number: case for case in cases if case.outcome != "left out"}
    for row in seen.rows.itertuples():
        case = kept.pop(row.label)
        assert row.id == f"id {case.number}" and row.path == f"clips/{case.name}"
        assert bool(row.has_audio) == (case.heard > 0), case.name
    assert not kept


def test_what_an_objective_needs_is_counted_exactly(corpus):
    _, cases = corpus
    listed = manifest(*corpus)
    found = fit(listed, judged(listed), seconds=2.9, sound=True)
    usable = [c.number for c in cases if c.outcome != "left out" and c.heard and c.seconds > 2.9]
    assert found.rows["label"].tolist() == usable


def test_too_many_failures_stop_with_a_list(corpus):
    cases = of(corpus[1], "left out")
    with pytest.raises(NotReadyError) as error:
        opened(manifest(*corpus))
    said = str(error.value)
    assert f"{len(cases)} of {len(corpus[1])} files" in said and "allowed: 1%" in said
    assert sum(f"clips/{case.name}:" in said for case in cases) == LISTED
    assert f"and {len(cases) - LISTED} more" in said


@pytest.mark.parametrize("stored", [False, True])
def test_what_is_used_is_what_it_claims_to_be(corpus, stored, tmp_path):
    """Own pictures under the own label; what is missing is marked, what is marked is missing."""
    root, cases = corpus
    for case in of(cases, "read", "padded", "silent"):
        store = FrameStore(tmp_path) if stored else None
        clips = dataset(root, [case], sampling=SAMPLING if case.heard else SIGHT, store=store)
        item = clips[0]
        facts, frames = item["data_samples"], item["inputs"]["video"].numpy()[0]
        assert facts["target"] == case.number
        for frame in frames:
            shown = np.rot90(frame) if case.name == "turned.mp4" else frame
            assert number_of(shown) == case.number, case.name
        assert facts["valid"]["video"] == pytest.approx(case.seconds / SECONDS, abs=0.04), case.name
        if not case.heard:
            continue
        wave = item["inputs"]["audio"].numpy()[0]
        assert facts["valid"]["audio"] == pytest.approx(case.heard, abs=0.06), case.name
        audible = np.abs(wave).reshape(-1, 400).max(1) > 0.03
        assert audible.mean() == pytest.approx(case.heard, abs=0.06), case.name
        if case.name.startswith("sound_late"):
            assert not audible[: len(audible) // 2 - 4].any() and audible[-1]


@pytest.mark.parametrize("case_name", ["silent.mp4", "two_sizes.ts"])
def test_sound_of_a_silent_file_is_an_error(corpus, case_name):
    root, cases = corpus
    case = next(case for case in cases if case.name == case_name)
    with pytest.raises(MediaError, match="has no sound"):
        dataset(root, [case])[0]


def test_damage_that_only_decoding_finds_stops_before_training(corpus, seen, tmp_path):
    root, cases = corpus
    store = FrameStore(tmp_path)
    clips = ClipDataset(seen, SIGHT, size=56, train=False, seed=0, store=store)
    with pytest.raises(NotReadyError) as error:
        decode_all(clips, jobs=2, progress=lambda done, total: None)
    stops = of(cases, "stops")
    assert f"{len(stops)} of {len(seen)} files" in str(error.value)
    for case in stops:
        assert f"clips/{case.name}:" in str(error.value)
        with pytest.raises(MediaError, match=re.escape(case.name)):
            read_all(root / "clips" / case.name)


def test_left_out_files_do_not_decode_in_silence(corpus, tmp_path):
    """Asked all the same, each is an error that names it: no picture, no zeros."""
    root, cases = corpus
    for case in of(cases, "left out"):
        if case.name != "link.mp4":  # a good film, in the wrong place
            with pytest.raises(NotReadyError, match=re.escape(case.name)):
                dataset(root, [case], store=FrameStore(tmp_path))[0]


def test_a_sample_after_the_end_is_left_out(corpus):
    root, cases = corpus
    good = [case for case in cases if case.name in {"good.mp4", "good.mkv"}]
    starts = {"good.mp4": 4.0, "good.mkv": 2.0}
    listed = manifest(root, good, start=lambda case: starts[case.name])
    found = opened(listed, max_bad=0.5)
    assert found.rows["path"].tolist() == ["clips/good.mkv"]
    error = scan.scan(listed)["error"].iloc[0]
    assert "begins at 4.00 s, the file ends at 3.00 s" in error


def test_no_name_was_executed(corpus):
    assert not list(corpus[0].rglob("attacked*")) and not Path("attacked").exists()


def test_a_file_that_hangs_or_crashes_a_decoder_costs_itself_only():
    names = ["a", "hangs", "b", "crashes", "c", "hangs", "d"]
    begin = time.monotonic()
    found = dict(ask(trouble, [Path(name) for name in names], jobs=2, limit=1.0))
    assert time.monotonic() - begin < 60  # two that would take ten minutes each
    assert [found[k] for k in (0, 2, 4, 6)] == ["seen a", "seen b", "seen c", "seen d"]
    assert found[1] == found[5] and "no answer within" in found[1].reason
    assert isinstance(found[3], Lost) and "crashed" in found[3].reason
    with pytest.raises(ValueError, match="a mistake of ours"):
        list(ask(trouble, [Path("raises")], jobs=1, limit=1.0))


def test_a_scan_goes_on_after_a_file_that_takes_too_long(corpus, monkeypatch):
    monkeypatch.setattr(scan, "look", troubled_look)
    monkeypatch.setattr(scan, "LIMIT", 1.0)
    monkeypatch.setattr("benchmark.data.isolated.START", 4.0)
    root, cases = corpus
    three = [replace(c, name=n) for c, n in zip(cases, ("hangs", "good.mp4", "x"), strict=False)]
    found = scan.scan(manifest(root, three), jobs=1)
    assert found["error"].iloc[0].endswith("hangs: no answer within 5 s; leave it out")
    assert found["error"].tolist()[1:] == ["", ""]


def test_reading_ends_at_its_time_limit(tmp_path, monkeypatch):
    write(tmp_path / "long.mp4", 1, seconds=120, heard=None)
    monkeypatch.setattr(container, "LIMIT", 0.02)
    begin = time.monotonic()
    with pytest.raises(MediaError, match=r"long\.mp4: reading it takes longer than 0\.02 s"):
        read_all(tmp_path / "long.mp4")
    assert time.monotonic() - begin < 1.0
