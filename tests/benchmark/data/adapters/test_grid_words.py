"""Words of GRID by its official alignments."""

from __future__ import annotations

import pytest
from trees import touch, write

from benchmark.data.adapters import read
from benchmark.data.adapters.grid_words import alignment
from registries.errors import NotReadyError, UsageError

DIGITS = ("two", "three")


def sentence(root, clip, digit, *, speaker="s1", video=True):
    words = ["sil", "bin", "blue", "at", "a", "sp", digit, "now", "sil"]
    rows = [f"{at * 5000} {(at + 1) * 5000} {word}" for at, word in enumerate(words)]
    write(root, f"align/{speaker}/{clip}.align", *rows, end="\r\n")
    if video:
        touch(root, f"video/{speaker}/{clip}.mpg")


@pytest.fixture
def root(tmp_path):
    for at in range(20):
        sentence(tmp_path, f"c{at:02d}", DIGITS[at % 2])
    sentence(tmp_path, "gone", "two", video=False)
    return tmp_path


def test_times_and_labels(root):
    found = read("grid_words", root)
    row = found.rows.set_index("id").loc["s1/c03/digit"]
    assert row[["path", "group", "tag"]].tolist() == ["video/s1/c03.mpg", "s1/c03", ""]
    assert row[["start", "stop"]].tolist() == [1.2, 1.4]
    assert found.labels == ("three", "two")
    assert found.labels[row["label"]] == "three"
    assert found.missing == ("video/s1/gone.mp4",)
    assert (found.kind, found.expected) == ("subset", 33_000)


def test_folds_hold_every_digit_equally_and_meet_each_split_once(root):
    seen = {}
    for fold in range(5):
        rows = read("grid_words", root, fold=fold).rows
        counts = rows.groupby(["split", "label"]).size().to_dict()
        sizes = {"train": 6, "val": 2, "test": 2}
        assert counts == {(split, label): n for split, n in sizes.items() for label in (0, 1)}
        for split in ("val", "test"):
            for name in rows.loc[rows["split"] == split, "id"]:
                seen.setdefault(split, []).append(name)
    assert len(set(seen["test"])) == len(seen["test"]) == len(set(seen["val"])) == 20


def test_listed_folds_are_followed(root):
    rows = [f"video/s1/c{at:02d}.mpg,{at // 4}" for at in range(20) for _ in (0, 1)]
    write(root, "words_s1.csv", "path,fold", *rows)
    found = read("grid_words", root, fold=4).rows.set_index("id")["split"]
    assert [found[f"s1/c{at:02d}/digit"] for at in (0, 3, 4, 15, 16, 19)] == [
        "val",
        "val",
        "train",
        "train",
        "test",
        "test",
    ]
    write(root, "words_s1.csv", "path,fold", "video/s1/c00.mpg,0", "video/s1/c00.mpg,1")
    with pytest.raises(NotReadyError, match=r"words_s1\.csv lists a sentence in two folds"):
        read("grid_words", root)


def test_a_window_is_centred_on_the_word(root):
    rows = read("grid_words", root, slots="all", window=1.0).rows.set_index("id")
    assert len(rows) == 120
    assert rows.loc["s1/c03/digit", ["start", "stop"]].tolist() == pytest.approx([0.8, 1.8])
    # a word near the beginning: the window starts with the file and keeps its length
    assert rows.loc["s1/c03/command", ["start", "stop"]].tolist() == [0.0, 1.0]


def test_what_is_refused(root):
    with pytest.raises(UsageError, match="Did you mean 'digit'"):
        read("grid_words", root, slots="digits")
    with pytest.raises(UsageError, match="folds 0 to 4, not 5"):
        read("grid_words", root, fold=5)
    with pytest.raises(UsageError, match="window=-1"):
        read("grid_words", root, window=-1)
    write(root, "a.align", "0 10 sil", "10 20 bin")
    with pytest.raises(NotReadyError, match=r"a\.align holds 1 words"):
        alignment(root / "a.align")
    write(root, "b.align", "0 ten bin")
    with pytest.raises(NotReadyError, match=r"b\.align: a line is not"):
        alignment(root / "b.align")


def test_real_speaker(real_data):
    found = read("grid_words", real_data)
    assert found.rows["split"].value_counts().to_dict() == {"train": 600, "val": 200, "test": 200}
    assert (found.rows.groupby(["split", "label"]).size().loc["test"] == 20).all()
    row = found.rows.set_index("id").loc["s1/bbaf2n/digit"]
    assert (found.labels[row["label"]], row["start"], row["stop"]) == ("two", 1.64, 1.89)
    sizes = {"digit": 10, "letter": 25, "colour": 4, "all": 51}
    assert {s: len(read("grid_words", real_data, slots=s).labels) for s in sizes} == sizes
