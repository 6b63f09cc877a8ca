"""What is refused in rows, found by comparing with rules applied to one row after another."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.rows.checks import check
from benchmark.data.rows.columns import make_rows
from registries.errors import NotReadyError

PARTS = st.lists(st.sampled_from(["..", ".", "a", "b..", "..c", "", " ..", "\n", "é"]), max_size=5)


def rows_of(**given):
    count = len(next(iter(given.values())))
    plain = {"id": [f"{place}" for place in range(count)], "path": ["a"] * count}
    columns = {**plain, "split": ["train"] * count, **given}
    samples = [{name: values[place] for name, values in columns.items()} for place in range(count)]
    return make_rows(samples)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    parts=PARTS,
    joint=st.sampled_from(["/", "//", "\\"]),
    column=st.sampled_from(["path", "landmarks"]),
)
def test_paths_are_judged_as_pathlib_reads_them(parts, joint, column):
    path = joint.join(parts)
    pure = PurePosixPath(path)
    leaves = pure.is_absolute() or ".." in pure.parts or "\\" in path
    rows = rows_of(**{column: ["fine", path]})
    if leaves:
        with pytest.raises(NotReadyError, match="leaves the dataset's folder"):
            check(rows, name="toy", root=Path())
    else:
        check(rows, name="toy", root=Path())


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"id": ["x", "y", "x"]}, "'x' is listed twice in root"),
        ({"start": [0.0, -1.0]}, r"'1' lasts from -1\.0"),
        ({"start": [0.0, float("nan")]}, "lasts from nan"),
        ({"start": [5.0], "stop": [4.0]}, r"from 5\.0 to 4\.0"),
        ({"stop": [float("inf")]}, "to inf"),
    ],
)
def test_what_is_refused(columns, said):
    with pytest.raises(NotReadyError, match=said):
        check(rows_of(**columns), name="toy", root=Path("root"))


@pytest.mark.parametrize("column", ["id", "path", "split", "group", "text", "tag"])
def test_text_that_is_no_utf8(column):
    with pytest.raises(NotReadyError, match="is no UTF-8"):
        rows_of(**{column: ["fine", "caf\udce9.mp4"]})
