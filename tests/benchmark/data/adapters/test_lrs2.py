"""LRS2 in its owners' layout: lists with tags, transcripts, word times, pieces."""

from __future__ import annotations

import pytest
from trees import touch, write

from benchmark.data.adapters import read
from benchmark.data.adapters.lrs2 import normalised, transcript, word_times
from registries.errors import NotReadyError, UsageError

ONE, TWO = "6000000000000000001", "5500000000000002"
TABLE = ["WORD START END ASDSCORE", "WE 0.04 0.20 5.1", "LIKE 0.20 0.48 6.0"]
TABLE += ["{NS} 0.5 0.6 1.0", "RED 0.60 0.81 4.2", "APPLES 0.9 1.5 3.0", "TOO 1.6 1.75 2.2"]


@pytest.fixture
def root(tmp_path):
    """Three sentences of main, one listed without a file, one clip of pretrain with word times."""
    for name, text in ((f"{ONE}/00001", "WE LIKE RED APPLES"), (f"{ONE}/00002", "it's {LOUD}, no")):
        touch(tmp_path, f"mvlrs_v1/main/{name}.mp4")
        write(tmp_path, f"mvlrs_v1/main/{name}.txt", f"Text:  {text}", "Conf:  5", end="\r\n")
    touch(tmp_path, f"mvlrs_v1/main/{TWO}/00009.mp4", f"mvlrs_v1/pretrain/{TWO}/00001.mp4")
    write(tmp_path, f"mvlrs_v1/main/{TWO}/00009.txt", "Text:  YES", "Conf:  3", "", *TABLE[:1])
    text = ["Text:  WE LIKE RED APPLES TOO", "Conf:  5", "", *TABLE]
    write(tmp_path, f"mvlrs_v1/pretrain/{TWO}/00001.txt", *text)
    write(tmp_path, "train.txt", f"{ONE}/00001", f"{ONE}/00077", end="\r\n")
    write(tmp_path, "val.txt", f"{ONE}/00002")
    write(tmp_path, "test.txt", f"{TWO}/00009 NF")
    write(tmp_path, "pretrain.txt", f"{TWO}/00001")
    return tmp_path


def test_main(root):
    found = read("lrs2", root)
    columns = ["id", "path", "split", "group", "text"]
    assert found.rows[columns].to_numpy().tolist() == [
        [
            f"main/{ONE}/00001",
            f"mvlrs_v1/main/{ONE}/00001.mp4",
            "train",
            ONE,
            "WE LIKE RED APPLES",
        ],
        [f"main/{ONE}/00002", f"mvlrs_v1/main/{ONE}/00002.mp4", "val", ONE, "IT'S LOUD NO"],
        [f"main/{TWO}/00009", f"mvlrs_v1/main/{TWO}/00009.mp4", "test", TWO, "YES"],
    ]
    assert found.missing == (f"mvlrs_v1/main/{ONE}/00077.mp4",)
    assert (found.kind, found.expected) == ("subset", 48_164)
    assert found.rows["stop"].isna().all()


def test_a_changed_transcript_changes_the_hash(root):
    before = read("lrs2", root).hash
    write(root, f"mvlrs_v1/main/{TWO}/00009.txt", "Text:  NO")
    assert read("lrs2", root).hash != before


@pytest.mark.parametrize(
    ("words", "pieces"),
    [
        (0, [("WE LIKE RED APPLES TOO", 0.0, None)]),
        (1, [("WE", 0.04, 0.2), ("LIKE", 0.2, 0.48), ("NS", 0.5, 0.6), ("RED", 0.6, 0.81)]),
        (2, [("WE LIKE", 0.04, 0.48), ("NS RED", 0.5, 0.81), ("APPLES TOO", 0.9, 1.75)]),
        (4, [("WE LIKE NS RED", 0.04, 0.81), ("APPLES TOO", 0.9, 1.75)]),
        (16, [("WE LIKE NS RED APPLES TOO", 0.04, 1.75)]),
    ],
)
def test_pieces_of_pretrain(root, words, pieces):
    found = read("lrs2", root, part="pretrain", words=words)
    rows = found.rows[["text", "start", "stop"]].to_numpy().tolist()[: len(pieces)]
    assert [(text, start) for text, start, _ in rows] == [piece[:2] for piece in pieces]
    assert [None if stop != stop else stop for *_, stop in rows] == [stop for *_, stop in pieces]
    assert set(found.rows["split"]) == {"train"}
    assert found.kind == "full"


def test_a_clip_without_word_times_cannot_be_cut(root):
    touch(root, f"mvlrs_v1/pretrain/{ONE}/00003.mp4")
    write(root, f"mvlrs_v1/pretrain/{ONE}/00003.txt", "Text:  NO TIMES")
    write(root, "pretrain.txt", f"{TWO}/00001", f"{ONE}/00003")
    cut = read("lrs2", root, part="pretrain", words=8)
    assert cut.missing == (f"mvlrs_v1/pretrain/{ONE}/00003.mp4",)
    assert len(read("lrs2", root, part="pretrain")) == 2


def test_what_is_refused(root):
    with pytest.raises(UsageError, match="Did you mean 'main'"):
        read("lrs2", root, part="mian")
    with pytest.raises(UsageError, match="words=4 with part 'main'"):
        read("lrs2", root, words=4)
    write(root, "train.txt", "00001")
    with pytest.raises(NotReadyError, match=r"train\.txt: '00001' is not"):
        read("lrs2", root)
    (root / "train.txt").unlink()
    with pytest.raises(NotReadyError, match=r"train\.txt is missing; the lists"):
        read("lrs2", root)
    write(root, "a.txt", "Conf:  3")
    with pytest.raises(NotReadyError, match=r"a\.txt has no line 'Text:"):
        transcript(root / "a.txt")
    write(root, "b.txt", *TABLE[:2], "LIKE 0.20")
    with pytest.raises(NotReadyError, match=r"b\.txt: the line 'LIKE 0\.20'"):
        word_times(root / "b.txt")


@pytest.mark.parametrize(
    ("text", "kept"),
    [("  We're  HERE\t2 day ", "WE'RE HERE 2 DAY"), ("{NS} a-b; c.", "NS AB C"), ("...", "")],
)
def test_normalised(text, kept):
    assert normalised(text) == kept
