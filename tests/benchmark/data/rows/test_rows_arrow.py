"""Manifests as Arrow files: the rows of a CSV, mapped; when they are read to the end."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmark.data.manifest import Manifest, Origin
from benchmark.data.rows import arrow_form, trust
from benchmark.data.rows.columns import COLUMNS, make_rows
from benchmark.data.splits import few, hold_out
from registries.errors import NotReadyError


def listed(count, root="data", **columns):
    """A manifest with texts that repeat, texts that do not, and columns of one value."""
    samples = [
        {
            "id": f"clip {place}",
            "path": f"v/{place} é.mp4",
            "label": place % 3,
            "split": ("train", "train", "test")[place % 3],
            "group": f"g{place // 2}",
            "bytes": 1,
            "has_audio": (True, False, None)[place % 3],
            "text": f"word {place}",
            "seconds": 1 + place / 7,
            **{name: values[place % len(values)] for name, values in columns.items()},
        }
        for place in range(count)
    ]
    facts = {"labels": ("a", "b", "c"), "kind": "subset", "version": "2", "expected": 500}
    return Manifest(
        name="toy",
        root=Path(root),
        rows=make_rows(samples),
        missing=("gone.mp4",),
        licence="none",
        origin=Origin("folder", {"fold": 2}),
        **facts,
    )


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of this test's own, in which files of every size are remembered."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trust, "SMALL", 0)


@pytest.fixture
def checked(monkeypatch):
    """Whether each reading went to the end of the file."""
    seen, read = [], arrow_form.read

    def watched(path, *, check):
        seen.append(check)
        return read(path, check=check)

    monkeypatch.setattr(arrow_form, "read", watched)
    return seen


def test_both_forms_hold_the_same(tmp_path, cache):
    made = listed(300)
    for form in ("csv", "arrow"):
        made.write(tmp_path / f"m.{form}")
    read = [Manifest.read(tmp_path / f"m.{form}") for form in ("csv", "arrow")]
    for found in read:
        assert found.rows.equals(made.rows)
        assert found.rows.dtypes.equals(made.rows.dtypes)
        assert (found.hash, found.content, found.hours) == (made.hash, made.content, made.hours)
        assert (found.origin, found.missing, found.labels) == (
            made.origin,
            made.missing,
            made.labels,
        )
        assert found.root == Path("data").resolve()  # it lies elsewhere
    for change in (
        lambda m: m.split("train"),
        lambda m: m.split("test").ranked(),
        lambda m: m.ranked(3),
        lambda m: m.take(7),
        lambda m: m.keep(m.rows["label"] == 1),
        lambda m: m.keep(np.array([5, 2, 9])),
        lambda m: few(m.split("train"), 4, seed=1),
        hold_out,
    ):
        one, other, third = (change(found) for found in (*read, made))
        assert one.rows.equals(other.rows) and one.rows.equals(third.rows)
        assert one.hash == other.hash == third.hash != made.hash
    for row in (0, 150, 299):
        asked = ("id", "path", "label", "seconds", "tag")
        assert read[0].facts(row, *asked) == read[1].facts(row, *asked)


def test_what_repeats_is_stored_once(tmp_path):
    made = listed(300, tag=["x"], start=[-0.0], stop=[2.5])
    made.write(tmp_path / "m.arrow")
    with pa.memory_map(str(tmp_path / "m.arrow")) as file:
        schema = pa.ipc.open_file(file).schema
    coded = {name for name in COLUMNS if pa.types.is_dictionary(schema.field(name).type)}
    assert coded == {"split", "sha256", "landmarks", "boxes", "tag", "start", "stop", "bytes"}
    assert Manifest.read(tmp_path / "m.arrow").hash == made.hash


def test_rows_that_follow_one_another_are_not_copied():
    made = listed(300, split=["train"])
    assert made.split("train") is made
    part = made.keep(np.arange(300) >= 100)
    assert np.shares_memory(part.rows["seconds"].to_numpy(), made.rows["seconds"].to_numpy())
    assert part.rows["id"].tolist() == [f"clip {place}" for place in range(100, 300)]


def test_a_file_is_read_to_its_end_once(tmp_path, cache, checked):
    path, made = tmp_path / "m.arrow", listed(300)
    made.write(path)
    assert Manifest.read(path).hash == made.hash
    shutil.copyfile(path, tmp_path / "copy.arrow")
    for _ in range(2):
        assert Manifest.read(tmp_path / "copy.arrow").hash == made.hash
    assert Manifest.read(path, anew=True).hash == made.hash
    replace(made, labels=()).write(path)  # its place is known, its content is another
    assert Manifest.read(path).hash != made.hash
    assert checked == [False, True, False, True, False]


def test_a_change_is_found(tmp_path, cache, checked):
    path = tmp_path / "m.arrow"
    listed(300).write(path)
    content = path.read_bytes()
    at = content.index(b"clip 17")
    path.write_bytes(content[:at] + b"CLIP" + content[at + 4 :])
    for _ in range(2):
        with pytest.raises(NotReadyError, match=r"m\.arrow is no manifest.*its checksum"):
            Manifest.read(path)
    assert checked == [True, True]


def test_damage_behind_the_stamps_is_found_anew(tmp_path, cache, monkeypatch, checked):
    """A failing disk: what the file system says of the file is as it was."""
    path = tmp_path / "m.arrow"
    listed(300).write(path)
    stamp = trust.stamp(path)
    monkeypatch.setattr(trust, "stamp", lambda _: stamp)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"word 33", b"ward 33"))
    assert "ward 33" in set(Manifest.read(path).rows["text"])
    with pytest.raises(NotReadyError, match="its checksum"):
        Manifest.read(path, anew=True)
    with pytest.raises(NotReadyError, match="its checksum"):  # and is known no more
        Manifest.read(path)


def test_small_files_are_always_read(tmp_path, monkeypatch, checked):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    listed(300).write(tmp_path / "m.arrow")
    Manifest.read(tmp_path / "m.arrow")
    assert checked == [True]
    assert not (tmp_path / "cache").exists()


def rewritten(path, change):
    """The file with another table in it, its checksum right: what somebody else might write."""
    head, rows = arrow_form.read(path, check=True)
    change(head, rows)
    arrow_form.write(path.with_suffix(".new"), head, rows)
    path.with_suffix(".new").replace(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda head, rows: rows.__setitem__("path", "../secret.mp4"), "leaves the dataset's"),
        (lambda head, rows: rows.__setitem__("id", "same"), "listed twice"),
        (lambda head, rows: rows.__setitem__("start", -1.0), "expected seconds"),
        (lambda head, rows: rows.__setitem__("label", 0), "another hash than it says"),
        (lambda head, rows: head.update(hash="0" * 64), "another hash than it says"),
        (lambda head, rows: head.update(checked=True), "TypeError"),
        (lambda head, rows: head.pop("labels"), "KeyError"),
    ],
)
def test_rows_from_elsewhere_are_checked(tmp_path, cache, change, said):
    path = tmp_path / "m.arrow"
    listed(300).write(path)
    rewritten(path, change)
    with pytest.raises(NotReadyError, match=said):
        Manifest.read(path)


def foreign(path, *, batches=1, **columns):
    table = pa.table(columns or {"id": ["a"]})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        for _ in range(batches):
            writer.write_table(table)


def test_files_of_another_make_are_named(tmp_path):
    path = tmp_path / "m.arrow"
    for write in (
        foreign,
        lambda place: foreign(place, batches=2),
        lambda place: place.write_bytes(b""),
        lambda place: place.write_bytes(b"ARROW1\0\0" * 9),
        lambda place: place.write_text("# {}\nid,path\n"),
    ):
        write(path)
        with pytest.raises(NotReadyError, match=r"m\.arrow is no manifest"):
            Manifest.read(path)


def test_opening_reads_next_to_nothing(tmp_path, cache):
    """In a process of its own: memory that its rows take, beside what is mapped from the file."""
    made = listed(40_000, text=[""], split=["train"])
    made.write(tmp_path / "m.arrow")
    code = """
import sys
from pathlib import Path
from benchmark.data.manifest import Manifest
from benchmark.data.rows import trust
trust.SMALL = 0

def anonymous():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))

Manifest.read(Path(sys.argv[1]))  # what the libraries take once
before = anonymous()
kept = [Manifest.read(Path(sys.argv[1])) for _ in range(20)]
assert len(kept[7].hash) == 64
print((anonymous() - before) / 20)
"""
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("the system does not say what is anonymous")
    call = [sys.executable, "-c", code, str(tmp_path / "m.arrow")]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    file = (tmp_path / "m.arrow").stat().st_size / 1024
    assert float(done.stdout) < 0.25 * file, f"{done.stdout} of {file} KB"
