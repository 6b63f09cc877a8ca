"""A manifest that says what is in its files: which are looked for, and what is then found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.data import adapters, present, ready
from benchmark.data.manifest import Manifest
from registries.errors import NotReadyError, UsageError

COUNT = 40


@pytest.fixture
def looked_at(manifest_of, tmp_path):
    """Forty files of one byte, none of them a video: nobody opens them again."""
    names = [f"v/{place:02d}.mp4" for place in range(COUNT)]
    (tmp_path / "v").mkdir()
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    return manifest_of(tmp_path, names, seconds=[2.0] * COUNT, has_audio=[True] * COUNT)


def test_a_manifest_that_was_looked_at_is_not_scanned(looked_at, monkeypatch):
    monkeypatch.setattr(ready, "scan", lambda _: pytest.fail("it was scanned"))
    assert ready.opened(looked_at) is looked_at
    seen = ready.headers(looked_at)
    assert seen["seconds"].tolist() == [2.0] * COUNT and (seen["error"] == "").all()


def test_what_is_gone_changed_or_elsewhere_is_listed_as_missing(looked_at, tmp_path):
    place = tmp_path / "v"
    (place / "03.mp4").unlink()
    (place / "07.mp4").write_bytes(b"longer")
    (place / "09.mp4").unlink()
    (place / "09.mp4").mkdir()
    found = ready.opened(looked_at, max_bad=0.5)
    assert found.missing == ("v/03.mp4", "v/07.mp4", "v/09.mp4")
    assert len(found) == COUNT - 3
    assert found.hash != looked_at.hash
    with pytest.raises(NotReadyError, match=r"(?s)3 of 40 .*03\.mp4: the file is missing.*6 bytes"):
        ready.opened(looked_at)


def test_links_that_lead_elsewhere_are_refused(looked_at, tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret.mp4"
    elsewhere.write_bytes(b"x")
    (tmp_path / "v" / "05.mp4").unlink()
    (tmp_path / "v" / "05.mp4").symlink_to(elsewhere)
    assert ready.opened(looked_at, max_bad=0.5).missing == ("v/05.mp4",)
    assert ready.opened(looked_at, follow_links=True) is looked_at


@pytest.mark.parametrize(("gone", "found"), [([0], [0]), ([13], []), ([0, 13, 39], [0, 13, 39])])
def test_of_many_files_blocks_are_looked_for_then_all(
    looked_at, tmp_path, monkeypatch, gone, found
):
    monkeypatch.setattr(present, "BLOCKS", 3)
    monkeypatch.setattr(present, "ROWS", 4)  # 0-3, 18-21, 36-39
    for place in gone:
        (tmp_path / "v" / f"{place:02d}.mp4").unlink()
    after = ready.opened(looked_at, max_bad=0.5)
    assert after.missing == tuple(f"v/{place:02d}.mp4" for place in found)


@pytest.fixture
def folder(tmp_path):
    """A folder of two files named as videos, and the manifest of it."""
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"x")
    made = adapters.read("folder", tmp_path)
    made.write(tmp_path / "m.arrow")
    return made


def test_a_manifest_is_read_in_place_of_its_root(folder, tmp_path):
    path = tmp_path / "m.arrow"
    assert adapters.locate("folder", path) == path
    found = adapters.read("folder", path)
    assert (found.hash, found.root, found.origin) == (folder.hash, tmp_path, folder.origin)
    with pytest.raises(NotReadyError, match=r"is a manifest of folder; avspeech is asked for"):
        adapters.read("avspeech", path)
    with pytest.raises(UsageError, match="fold"):
        adapters.read("folder", path, fold=1)


def test_a_manifest_of_other_options_is_refused(folder, tmp_path):
    said = replace(folder.origin, dataset="esc50", options={"fold": 2, "esc10": False})
    replace(folder, origin=said).write(tmp_path / "m.arrow")
    with pytest.raises(
        NotReadyError, match=r"of esc50 \(fold=2.*; esc50 \(fold=1, esc10=False\) is"
    ):
        adapters.read("esc50", tmp_path / "m.arrow")
    with pytest.raises(NotReadyError, match="which is not there"):  # these are no files of ESC-50
        adapters.read("esc50", tmp_path / "m.arrow", fold=2)


def test_a_manifest_without_its_dataset(folder, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    (tmp_path / "m.arrow").rename(alone / "m.arrow")
    with pytest.raises(NotReadyError, match=r"in .*alone, which is not there"):
        adapters.read("folder", alone / "m.arrow")
    replace(folder, origin=None).write(tmp_path / "m.csv")
    with pytest.raises(NotReadyError, match="a manifest of no known dataset"):
        adapters.read("folder", tmp_path / "m.csv")
    assert Manifest.read(tmp_path / "m.csv").hash == folder.hash
