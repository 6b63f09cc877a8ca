"""AudioSet: lists with comments and quoted classes, files named in two ways."""

from __future__ import annotations

import pytest
from trees import touch, write

from benchmark.data.adapters import read
from registries.errors import NotReadyError, UsageError

HEAD = ["# Segments csv created Sun Mar  5 10:54:31 2017", "# num_ytids=3"]
HEAD += ["# YTID, start_seconds, end_seconds, positive_labels"]
SPEECH, DOG = "/m/09x0r", "/t/dd00125"


@pytest.fixture
def root(tmp_path):
    rows = [
        f'--aE2O5G5WE, 0.000, 10.000, "{SPEECH},{DOG}"',
        f'b_________2, 30.000, 40.000, "{DOG}"',
    ]
    write(tmp_path, "balanced_train_segments.csv", *HEAD, *rows)
    write(tmp_path, "unbalanced_train_segments.csv", *HEAD, f'c_________3, 5.500, 9.250, "{DOG}"')
    write(tmp_path, "eval_segments.csv", *HEAD, f'd_________4, 20.000, 30.000, "{SPEECH}"')
    names = ["index,mid,display_name", f'0,{SPEECH},"Speech, clear"', f"1,{DOG},Dog"]
    write(tmp_path, "class_labels_indices.csv", *names)
    touch(
        tmp_path,
        "balanced_train_segments/video/--aE2O5G5WE_0_10000.mp4",
        "b_________2_30.mp4",
        "unbalanced_train_segments/video/c_________3_5500_9250.mp4",
        "eval_segments/video/d_________4_000020.mp4",
    )
    return tmp_path


def test_all_parts(root):
    found = read("audioset", root)
    rows = found.rows.sort_values("group")
    assert rows[["id", "split", "tag"]].to_numpy().tolist() == [
        ["--aE2O5G5WE_0", "train", f"{SPEECH},{DOG}"],
        ["b_________2_30", "train", DOG],
        ["c_________3_5.5", "train", DOG],
        ["d_________4_20", "test", SPEECH],
    ]
    assert found.labels == ("Speech, clear", "Dog")
    assert (rows["label"] == -1).all()
    assert (found.kind, found.expected) == ("full", 4)


def test_one_part(root):
    assert sorted(read("audioset", root, part="balanced").rows["group"]) == [
        "--aE2O5G5WE",
        "b_________2",
        "d_________4",
    ]
    (root / "b_________2_30.mp4").unlink()
    found = read("audioset", root, part="balanced")
    assert (found.missing, found.expected) == (("b_________2_30000_40000.mp4",), 3)
    with pytest.raises(UsageError, match="unknown part of AudioSet 'evaluation'"):
        read("audioset", root, part="evaluation")
    (root / "unbalanced_train_segments.csv").unlink()
    with pytest.raises(NotReadyError, match=r"unbalanced_train_segments\.csv is missing"):
        read("audioset", root, part="unbalanced")


def test_an_unknown_class_is_refused(root):
    write(root, "eval_segments.csv", *HEAD, 'd_________4, 20.000, 30.000, "/m/none"')
    with pytest.raises(NotReadyError, match=r"eval_segments\.csv: d_________4 is of class /m/none"):
        read("audioset", root)
