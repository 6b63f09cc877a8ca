"""What is in two splits at once."""

from __future__ import annotations

import pytest

from benchmark.data.verify import HEAD, counts, duplicates, of_expected


def fill(root, **contents):
    for name, content in contents.items():
        (root / name).write_bytes(content)
    return list(contents)


LONG = bytes(range(256)) * (HEAD // 256 + 1)


def test_equal_files_of_different_splits(tmp_path, manifest_of):
    paths = fill(
        tmp_path,
        a=LONG + b"1",
        b=LONG + b"2",  # as long as a, its beginning is equal, its end is not
        c=LONG + b"1",
        d=LONG + b"1",
        e=b"another size",
        f=b"another_size",
        g=LONG + b"2",
    )
    found = manifest_of(
        tmp_path, paths, split=["train", "test", "test", "train", "val", "test", "test"]
    )
    assert list(duplicates(found)) == [
        "a (train) and c (test) are the same file",
        "c (test) and d (train) are the same file",
    ]
    hashes = ["1", "2", "1", "1", "3", "4", "2"]
    hashed = found.keep(found.rows.index)
    hashed.rows["sha256"] = hashes  # not read: what the manifest says counts
    for path in paths:
        (tmp_path / path).unlink()
    assert list(duplicates(hashed)) == [
        "a (train) and c (test) are the same file",
        "c (test) and d (train) are the same file",
    ]
    assert list(duplicates(found)) == []  # files that are gone are told elsewhere


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([(0.0, 2.0, "train"), (2.0, float("nan"), "test")], []),
        ([(0.0, 2.5, "train"), (2.0, 3.0, "test")], ["begins at 2.00 s is in train and in test"]),
        ([(0.0, float("nan"), "test"), (4.0, 5.0, "train")], ["4.00 s is in test and in train"]),
        ([(0.0, 2.5, "train"), (2.0, 3.0, "train")], []),
    ],
)
def test_spans_of_one_file(tmp_path, manifest_of, spans, said):
    fill(tmp_path, a=b"a")
    starts, stops, splits = zip(*spans, strict=True)
    found = manifest_of(tmp_path, ["a", "a"], id=["1", "2"], start=starts, stop=stops, split=splits)
    lines = list(duplicates(found))
    assert len(lines) == len(said)
    assert all(words in line for words, line in zip(said, lines, strict=True))


def test_counts(tmp_path, manifest_of):
    found = manifest_of(tmp_path, list("abcd"), split=["test", "train", "val", "train"])
    assert list(counts(found).items()) == [("train", 2), ("val", 1), ("test", 1)]
    assert of_expected(found) == "full, 4 of 4 expected"
