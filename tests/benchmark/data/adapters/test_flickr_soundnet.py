"""Flickr-SoundNet: boxes of several annotators in XML, a test list."""

from __future__ import annotations

import pytest
from trees import touch, write

from benchmark.data.adapters import read
from benchmark.data.adapters.flickr_soundnet import boxes
from benchmark.data.manifest import Boxes
from registries.errors import NotReadyError


def annotation(*found: tuple[int, ...], names=("xmin", "ymin", "xmax", "ymax")) -> str:
    parts = [
        "<bbox><n>1</n>" + "".join(f"<{n}>{v}</{n}>" for n, v in zip(names, box, strict=False))
        for box in found
    ]
    return f"<annotation><id>7</id>{'</bbox>'.join([*parts, ''])}</annotation>"


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "Annotations/101.xml", annotation((64, 0, 128, 256), (0, 0, 300, 16)))
    write(tmp_path, "Annotations/202.xml", annotation((1, 1, 1, 9), names=("a", "b", "c", "d")))
    write(tmp_path, "Annotations/303.xml", annotation((0, 128, 256, 256)))
    write(tmp_path, "Flickr_SoundNet_test_list.txt", "303.png", "101.png", "404.png", end="\r\n")
    touch(tmp_path, "clips/101.mp4", "clips/202.mkv", "data/303.mp4")
    return tmp_path


def test_boxes_and_splits(root):
    found = read("flickr_soundnet", root)
    assert found.rows[["id", "path", "split"]].to_numpy().tolist() == [
        ["303", "data/303.mp4", "test"],
        ["101", "clips/101.mp4", "test"],
        ["202", "clips/202.mkv", "train"],
    ]
    assert [Boxes.of(text) for text in found.rows["boxes"]] == [
        Boxes(((0.0, 0.5, 1.0, 1.0),), needed=2),
        Boxes(((0.25, 0.0, 0.5, 1.0), (0.0, 0.0, 1.0, 0.0625)), needed=2),
        Boxes((), needed=2),
    ]
    assert (found.missing, found.expected, found.kind) == (("404.mp4",), 4, "subset")


def test_boxes_may_lie_deeper(root):
    inside = annotation((0, 0, 128, 128)).replace("<bbox>", "<object><bbox>")
    write(root, "deep.xml", inside.replace("</bbox>", "</bbox></object>"))
    assert boxes(root / "deep.xml") == ((0.0, 0.0, 0.5, 0.5),)


@pytest.mark.parametrize("line", ["/data/of/someone/101.mp4", "101", "101,fine"])
def test_other_test_lists(root, line):
    (root / "Flickr_SoundNet_test_list.txt").unlink()
    write(root, "flickr_test.csv", line)
    splits = read("flickr_soundnet", root).rows.set_index("id")["split"].to_dict()
    assert splits == {"101": "test", "202": "train", "303": "train"}


def test_what_is_refused(root):
    write(root, "a.xml", "<annotation><bbox>")
    with pytest.raises(NotReadyError, match=r"a\.xml is not an annotation"):
        boxes(root / "a.xml")
    write(root, "b.xml", annotation((1, 2, 3)))
    with pytest.raises(NotReadyError, match=r"b\.xml: a <bbox> holds other than five"):
        boxes(root / "b.xml")
    (root / "Flickr_SoundNet_test_list.txt").unlink()
    with pytest.raises(NotReadyError, match=r"Flickr_SoundNet_test_list\.txt is missing"):
        read("flickr_soundnet", root)


def test_the_published_list(real_data, root):
    published = (real_data / "annotations" / "Flickr_SoundNet_test_list.txt").read_text()
    (root / "Flickr_SoundNet_test_list.txt").write_text(published)
    missing = read("flickr_soundnet", root).missing
    assert (len(missing), missing[0]) == (250, "2432219254.mp4")
