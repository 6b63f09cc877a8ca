"""Links out of a dataset's folder: refused wherever they are in a path; the user may allow them."""

from __future__ import annotations

import numpy as np
import pytest
from coded_media import noise, write_video

from benchmark.cli import main as cli
from benchmark.data import links, verify
from benchmark.data.ready import judged, opened
from registries.errors import NotReadyError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    """Two classes: one whose folder lies elsewhere, one with a file that does, and two honest."""
    folder, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    for place in (folder / "own", elsewhere / "class"):
        place.mkdir(parents=True)
    for path in (folder / "own" / "a.mp4", elsewhere / "class" / "b.mp4", elsewhere / "c.mp4"):
        write_video(path, stamps=np.arange(25) / 25, wave=noise(1, 16_000))
    (folder / "linked").symlink_to(elsewhere / "class")
    (folder / "own" / "c.mp4").symlink_to(elsewhere / "c.mp4")
    (folder / "own" / "d.mp4").symlink_to(folder / "own" / "a.mp4")
    return folder


NAMES = ["own/a.mp4", "own/c.mp4", "own/d.mp4", "linked/b.mp4"]


def test_what_lies_outside_is_found_behind_files_and_folders(root, tmp_path):
    assert links.outside(root, NAMES) == {"own/c.mp4", "linked/b.mp4"}
    (tmp_path / "way").symlink_to(root)  # the root itself may be reached by a link
    assert links.outside(tmp_path / "way", NAMES) == {"own/c.mp4", "linked/b.mp4"}


def test_they_are_refused_with_the_option_that_allows_them(root, manifest_of):
    listed = manifest_of(root, NAMES)
    errors = judged(listed)["error"].tolist()
    assert errors[0] == errors[2] == ""
    for error, name in ((errors[1], "own/c.mp4"), (errors[3], "linked/b.mp4")):
        assert error.startswith(f"{root / name}: a link that leads out of")
        assert "--follow-links" in error
    with pytest.raises(NotReadyError, match=r"(?s)2 of 4 files.*--follow-links") as raised:
        opened(listed)
    assert "linked/b.mp4" in str(raised.value)
    assert len(opened(listed, max_bad=0.5)) == 2
    assert len(opened(listed, follow_links=True)) == 4


def test_a_look_that_followed_them_allows_nothing_later(root, manifest_of):
    """The files' headers are remembered by the manifest's hash; where links lead is not."""
    listed = manifest_of(root, NAMES)
    assert len(opened(listed, follow_links=True)) == 4
    with pytest.raises(NotReadyError, match="2 of 4 files"):
        opened(listed)


def test_verify_names_them(root, manifest_of):
    listed = manifest_of(root, NAMES, bytes=[0] * 4)
    found = [line for line in verify.problems(listed, decode=0) if "--follow-links" in line]
    assert [line.partition(":")[0] for line in found] == [
        str(root / "linked" / "b.mp4"),
        str(root / "own" / "c.mp4"),
    ]
    assert not list(verify.problems(listed, decode=0, follow_links=True))


@pytest.mark.parametrize("command", ["prepare", "verify"])
def test_the_commands_take_the_option(root, command, capsys):
    words = ["data", command, "folder", "--root", str(root)]
    assert cli.execute(words) == 5
    said = capsys.readouterr()
    assert "--follow-links" in said.out + said.err
    assert cli.execute([*words, "--follow-links"]) == 0
