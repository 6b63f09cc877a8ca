"""Archives are unpacked once, inside their folder, and said where that needs a hand."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from benchmark.data.archives import by_hand, unpack
from registries.errors import NotReadyError


def tar(path, files, *, mode="w:gz", link=None):
    with tarfile.open(path, mode) as out:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo("link")
            info.type, info.linkname = tarfile.SYMTYPE, link
            out.addfile(info)


def archive(path, files):
    with zipfile.ZipFile(path, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)


def files_of(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.endswith((".zip", ".tgz", ".json"))
    }


def test_zip_and_tar_are_unpacked_once(tmp_path):
    archive(tmp_path / "a.zip", {"x/1.mp4": b"one", "__MACOSX/x/1.mp4": b"junk", "y/": b""})
    tar(tmp_path / "b.tgz", {"x/2.mp4": b"two"})
    assert unpack(tmp_path) == ["a.zip", "b.tgz"]
    assert files_of(tmp_path) == {"x/1.mp4": b"one", "x/2.mp4": b"two"}
    (tmp_path / "x" / "1.mp4").unlink()
    assert unpack(tmp_path) == []  # what the user removed stays away
    archive(tmp_path / "a.zip", {"x/1.mp4": b"another"})  # a new archive of that name
    assert unpack(tmp_path) == ["a.zip"]
    assert files_of(tmp_path)["x/1.mp4"] == b"another"


def test_an_interrupted_unpacking_carries_on(tmp_path):
    archive(tmp_path / "a.zip", {"1.mp4": b"one", "2.mp4": b"two"})
    (tmp_path / "1.mp4").write_bytes(b"ONE")  # of the right size: there already
    (tmp_path / "2.mp4").write_bytes(b"t")  # cut short
    unpack(tmp_path)
    assert files_of(tmp_path) == {"1.mp4": b"ONE", "2.mp4": b"two"}


@pytest.mark.parametrize(
    "name", ["../out.mp4", "/out.mp4", "a/../../out.mp4", "a\\out.mp4", "C:/o"]
)
@pytest.mark.parametrize("make", [archive, tar])
def test_no_member_leaves_the_folder(tmp_path, name, make):
    root = tmp_path / "root"
    root.mkdir()
    make(root / ("a.zip" if make is archive else "a.tgz"), {name: b"bad"})
    with pytest.raises(NotReadyError, match="a path outside the folder"):
        unpack(root)
    assert files_of(tmp_path) == {}


def test_links_are_refused(tmp_path):
    tar(tmp_path / "a.tgz", {}, link="elsewhere")
    with pytest.raises(NotReadyError, match="'link' is neither a file nor a folder"):
        unpack(tmp_path)
    (tmp_path / "a.tgz").unlink()
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr(info, "elsewhere")
    with pytest.raises(NotReadyError, match="'link' is a link"):
        unpack(tmp_path)


def test_a_cut_archive_is_named(tmp_path):
    tar(tmp_path / "a.tgz", {"1.mp4": bytes(range(256)) * 400})
    whole = (tmp_path / "a.tgz").read_bytes()
    (tmp_path / "a.tgz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NotReadyError, match=r"a\.tgz does not unpack .* cut short"):
        unpack(tmp_path)


def test_what_is_left_to_the_user(tmp_path):
    for name in ("UCF101.rar", "lrs2_v1_partaa", "lrs2_v1_partab", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert by_hand(tmp_path) == [
        f"unrar x UCF101.rar (in {tmp_path})",
        f"cat lrs2_v1_part* > lrs2_v1.tar (in {tmp_path})",
    ]
    (tmp_path / "lrs2_v1.tar").write_bytes(b"")
    assert by_hand(tmp_path) == [f"unrar x UCF101.rar (in {tmp_path})"]
    assert by_hand(tmp_path / "nowhere") == []
