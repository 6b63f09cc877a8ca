"""A dataset is unpacked, counted, opened and listed; nothing is fetched."""

from __future__ import annotations

import json
import zipfile

import cv2
import numpy as np
import pytest
import soundfile
from coded_media import coded, noise, write_video

from benchmark.data.manifest import Manifest, Origin
from benchmark.data.prepare import prepare
from registries.errors import NotReadyError

IDS = ("train______a", "train______b", "test_______c")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path, cache):
    """VGGSound of three clips of half a second, one without sound, one listed without a file."""
    folder = tmp_path / "data"
    rows = [f"{name[:-1]},{at},{name[:4]},{name.split('_')[0]}" for at, name in enumerate(IDS)]
    for at, name in enumerate(IDS):
        wave = None if at == 1 else noise(0.5, 16_000, seed=at)
        file = folder / "video" / f"{name[:-1]}_{at:06d}.mp4"
        write_video(file, stamps=np.arange(5 + at) / 10, fps=10, wave=wave)
    rows += ["gone_______,9,test,test"]
    (folder / "vggsound.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_a_sound_dataset(root):
    found = prepare("vggsound", root)
    assert found.problems == ()
    facts = found.facts
    assert facts["samples"] == "subset, 3 of 199176 expected"
    assert (facts["splits"], facts["classes"]) == ("train 2, test 1", "2")
    assert facts["missing"] == "1 listed files, the first: gone________000009.mp4"
    assert (facts["opens"], facts["sound"]) == ("3 of 3 samples", "2 of 3 samples that open")
    assert found.written == tuple(
        root / f"bench_manifest_vggsound.{form}" for form in ("arrow", "csv")
    )
    assert facts["for a run"] == f"--data vggsound={found.written[0]}"
    for path in found.written:
        again = Manifest.read(path)
        assert (again.root, again.origin) == (root, Origin("vggsound", {}))
        assert again.hash == facts["hash"] == found.manifest.hash
        assert again.rows["has_audio"].tolist() == [True, False, True]
        assert again.rows["seconds"].tolist() == pytest.approx([0.5, 0.6, 0.7])
    # the list beside the data is no part of it
    assert prepare("vggsound", root).facts == facts


def test_problems_are_listed_and_left_out(root):
    one, other, test = sorted((root / "video").iterdir(), key=lambda path: path.stem[-1])
    other.write_bytes(b"not a video")
    test.write_bytes(one.read_bytes())
    found = prepare("vggsound", root)
    assert len(found.problems) == 2
    assert other.name in found.problems[0]
    assert found.problems[1].endswith(f"video/{test.name} (test) are the same file")
    assert found.facts["opens"] == "2 of 3 samples"
    assert len(Manifest.read(found.written[0])) == 2


def test_a_long_list_is_written_for_programs_alone(root, monkeypatch):
    monkeypatch.setattr("benchmark.data.prepare.CSV_UP_TO", 2)
    assert prepare("vggsound", root).written == (root / "bench_manifest_vggsound.arrow",)


def test_archives_are_unpacked_first(root, tmp_path):
    packed = tmp_path / "packed"
    packed.mkdir()
    with zipfile.ZipFile(packed / "videos.zip", "w") as out:
        for path in sorted(root.rglob("*.*")):
            out.write(path, path.relative_to(root))
    (packed / "more.rar").write_bytes(b"")
    found = prepare("vggsound", packed)
    assert found.facts["unpacked"] == "videos.zip"
    assert found.facts["to unpack"] == f"unrar x more.rar (in {packed})"
    assert found.manifest.hash == prepare("vggsound", root).manifest.hash


def test_the_cache_takes_what_the_folder_refuses(root, cache, monkeypatch):
    write = Manifest.write

    def refuse(self, path):
        if path.is_relative_to(root):
            raise PermissionError(13, "read-only")
        write(self, path)

    monkeypatch.setattr(Manifest, "write", refuse)
    found = prepare("vggsound", root)
    name = f"{found.manifest.hash[:16]}_bench_manifest_vggsound.arrow"
    assert found.written[0] == cache / "manifests" / name
    assert Manifest.read(found.written[0]).root == root  # it lies elsewhere, and says where
    assert prepare("vggsound", root, out=cache / "a.csv").written == (cache / "a.csv",)
    with pytest.raises(NotReadyError, match="give another --out"):
        prepare("vggsound", root, out=root / "a.csv")


def test_what_is_not_there_is_said(tmp_path):
    (tmp_path / "lrs2_v1_partaa").write_bytes(b"")
    with pytest.raises(NotReadyError) as found:
        prepare("lrs2", tmp_path)
    for words in (
        "agreement with the BBC",
        "Expected: mvlrs_v1",
        "Unpack first: cat lrs2_v1_part",
    ):
        assert words in str(found.value)
    with pytest.raises(NotReadyError, match="does not exist"):
        prepare("lrs2", tmp_path / "nowhere")


def test_pictures_and_sounds_are_joined(tmp_path, cache):
    boxes = [{"file": "AbCdEfGhIjK_000001", "class": "owl", "bbox": [[0, 0, 0.5, 0.5]]}]
    for folder in ("frames", "audio"):
        (tmp_path / folder).mkdir()
    (tmp_path / "vggss.json").write_text(json.dumps(boxes))
    cv2.imwrite(str(tmp_path / "frames" / f"{boxes[0]['file']}.jpg"), coded(3))
    soundfile.write(tmp_path / "audio" / f"{boxes[0]['file']}.wav", noise(1.5, 8_000), 8_000)
    found = prepare("vggss", tmp_path)
    assert found.facts["joined"] == "1 clips"
    assert found.manifest.rows["path"].tolist() == ["clips/AbCdEfGhIjK_000001.mkv"]
    assert found.facts["sound"] == "1 of 1 samples that open"
    assert "joined" not in prepare("vggss", tmp_path).facts
