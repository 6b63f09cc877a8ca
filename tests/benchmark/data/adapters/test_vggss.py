"""VGG-SS: boxes of the official list, with its flaws, and clips of VGGSound."""

from __future__ import annotations

import json

import pytest
from trees import touch, write

from benchmark.data.adapters import read
from benchmark.data.manifest import Boxes
from registries.errors import NotReadyError

HUGE = -2.8823037615171176e16  # as in the official file
ENTRIES = [
    {"file": "-bCdEfGhIjK_000030", "class": "zebra", "bbox": [[0.1, 0.2, 0.5, 0.75]]},
    {"file": "AbCdEfGhI_K_000000", "class": "owl", "bbox": [[0.5, 1, 0.7, 1], [-0.1, 0, 1.2, 1]]},
    {"file": "nobox______a_000005", "class": "owl", "bbox": [[0.4, 0.6, HUGE, 0.9]]},
    {"file": "gone________000001", "class": "owl", "bbox": [[0.1, 0.2, 0.3, 0.4]]},
]


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "vggss.json", json.dumps(ENTRIES))
    touch(tmp_path, *(f"video/{entry['file']}.mp4" for entry in ENTRIES[:3]))
    return tmp_path


def test_boxes(root):
    found = read("vggss", root)
    assert [Boxes.of(text) for text in found.rows["boxes"]] == [
        Boxes(((0.1, 0.2, 0.5, 0.75),), needed=1),
        Boxes(((0.0, 0.0, 1.0, 1.0),)),
        Boxes(()),
    ]
    assert (found.labels, found.rows["label"].tolist()) == (("owl", "zebra"), [1, 0, 0])
    assert set(found.rows["split"]) == {"test"}
    assert found.rows["group"].tolist() == ["-bCdEfGhIjK", "AbCdEfGhI_K", "nobox______"]
    assert (found.missing, found.expected) == (("gone________000001.mp4",), 4)


def test_the_list_beside_vggsound(root):
    (root / "vggss").mkdir()
    (root / "vggss.json").rename(root / "vggss" / "vggss.json")
    found = read("vggss", root)
    assert found.root == root
    assert found.rows["path"].iat[0] == "video/-bCdEfGhIjK_000030.mp4"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{", "is not JSON"),
        ('[{"file": "a", "class": "b"}]', r"is not \{file, class, bbox"),
        ('[{"file": "a", "class": "b", "bbox": [[1, 2, 3]]}]', r"is not \{file, class, bbox"),
        ('{"a": 1}', r"is not \{file, class, bbox"),
    ],
)
def test_another_file_is_refused(root, text, words):
    write(root, "vggss.json", text)
    with pytest.raises(NotReadyError, match=rf"vggss\.json.*{words}"):
        read("vggss", root)


def test_real_clips(real_data):
    found = read("vggss", real_data)
    assert (len(found), found.expected, len(found.missing)) == (7, 5_158, 5_151)
    assert len(found.labels) == 221
    baby = found.rows.set_index("id").loc["1aDnyPubxdY_000118"]
    assert found.labels[baby["label"]] == "baby crying"
    assert Boxes.of(baby["boxes"]).boxes == ((0.125, 0.096875, 0.71875, 0.99375),)
