"""AVSpeech: header-less lists, files named in several ways."""

from __future__ import annotations

import pytest
from trees import touch, write

from benchmark.data.adapters import read
from registries.errors import NotReadyError

NAMES = ("90.000000", "90", "90.0", "000090", "90000_94400")


@pytest.mark.parametrize("name", NAMES)
def test_a_segment_is_found_by_its_start(tmp_path, name):
    write(tmp_path, "avspeech_train.csv", "-bCdE_GhIjK,90.000000,94.400000,0.512500,0.418600")
    touch(tmp_path, f"clips/-bCdE_GhIjK_{name}.mp4", "clips/-bCdE_GhIjK_91.mp4")
    row = read("avspeech", tmp_path).rows.iloc[0]
    assert row[["id", "path", "group", "split"]].tolist() == [
        "train/-bCdE_GhIjK_90.000000",
        f"clips/-bCdE_GhIjK_{name}.mp4",
        "-bCdE_GhIjK",
        "train",
    ]


def test_both_lists_in_an_order_of_their_own(tmp_path):
    rows = [f"AbCdEfGhIjK,{at}.5,{at + 4}.5,0.5,0.5" for at in range(6)]
    write(tmp_path, "avspeech_train.csv", *rows[:5], end="\r\n")
    write(tmp_path, "avspeech_test.csv", rows[5])
    touch(tmp_path, *(f"AbCdEfGhIjK_{at}.5.mp4" for at in (0, 1, 2, 3, 5)))
    found = read("avspeech", tmp_path)
    assert found.rows["split"].value_counts().to_dict() == {"train": 4, "test": 1}
    assert found.rows["id"].tolist() != sorted(found.rows["id"])
    assert (found.missing, found.expected, found.kind) == (
        ("AbCdEfGhIjK_4.5.mp4",),
        6,
        "subset",
    )


@pytest.mark.parametrize("row", ["a,1,2,0.5", "a,one,2,0.5,0.5", "a,1,2,x,0.5"])
def test_another_list_is_refused(tmp_path, row):
    write(tmp_path, "avspeech_train.csv", row)
    with pytest.raises(NotReadyError, match=r"avspeech_train\.csv.*fetch the list again"):
        read("avspeech", tmp_path)
