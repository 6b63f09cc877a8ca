"""Property tests of the files that are written and read: manifests, configs, records, and others.

What was written reads back equal; what is damaged is refused with an error of ours, never with
another, never read as something else.
"""

from __future__ import annotations

import json
import math
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark import config
from benchmark.data.archives import unpack
from benchmark.data.manifest import Boxes, Manifest
from benchmark.data.rows.columns import make_rows
from benchmark.encoder_file import read_encoders, save_encoders
from benchmark.results.predictions import read_predictions, write_predictions
from benchmark.results.schema import Record
from registries import synthetic  # noqa: F401 - registers the synthetic backbones
from registries.errors import BenchError
from registries.registry import BACKBONES

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WORD = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NO_PATH = str.maketrans({"/": "_", "\\": "_"})
SECONDS = st.floats(0, 1e6, allow_nan=False)


@st.composite
def damaged(draw, data: bytes) -> bytes:
    """The bytes with some flipped, dropped or put in."""
    for _ in range(draw(st.integers(1, 4))):
        low = draw(st.integers(0, len(data)))
        high = draw(st.integers(low, min(len(data), low + draw(st.sampled_from([1, 2, 8, 999])))))
        data = data[:low] + draw(st.binary(max_size=8)) + data[high:]
    return data


@st.composite
def manifests(draw) -> Manifest:
    """Manifests with any text where text is free."""
    ids = draw(st.lists(ANY_TEXT, min_size=1, max_size=5, unique=True))
    rows = []
    for name in ids:
        start = draw(SECONDS)
        boxes = draw(st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=2))
        rows.append(
            {
                "id": name,
                "path": draw(
                    st.from_regex(r"[\w éß'$;(){}-]{1,9}/[\w .,\"]{0,9}x", fullmatch=True)
                ),
                "start": start,
                "stop": draw(st.one_of(st.just(math.nan), st.floats(start, 2e6))),
                "label": draw(st.integers(-1, 9)),
                "split": draw(st.sampled_from(["train", "val", "test"])),
                "group": draw(ANY_TEXT),
                "bytes": draw(st.integers(0, 2**40)),
                "has_audio": draw(st.sampled_from([True, False, None])),
                "text": draw(ANY_TEXT),
                "boxes": Boxes(tuple(boxes)).text() if boxes else "",
                "tag": draw(ANY_TEXT),
            }
        )
    return Manifest(
        name=draw(WORD),
        root=Path("root"),
        rows=make_rows(rows),
        labels=tuple(draw(st.lists(ANY_TEXT, max_size=3))),
        kind=draw(st.sampled_from(["full", "subset", "miniature"])),
        version=draw(WORD),
        expected=draw(st.integers(0, 99)),
        missing=tuple(draw(st.lists(ANY_TEXT, max_size=3))),
        licence=draw(ANY_TEXT),
    )


FORMS = pytest.mark.parametrize("form", [".csv", ".arrow"])


@FORMS
@FUZZ
@given(manifest=manifests())
def test_a_manifest_reads_back_equal(form, manifest, tmp_path):
    path = tmp_path / f"m{form}"
    manifest.write(path)
    found = Manifest.read(path, manifest.root)
    assert found.rows.equals(manifest.rows)
    assert (found.hash, found.content) == (manifest.hash, manifest.content)
    for name in ("name", "labels", "kind", "version", "expected", "missing", "licence"):
        assert getattr(found, name) == getattr(manifest, name)


@FORMS
@FUZZ
@given(manifest=manifests(), data=st.data())
def test_a_damaged_manifest_is_refused_or_whole(form, manifest, data, tmp_path):
    path = tmp_path / f"m{form}"
    manifest.write(path)
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    try:
        found = Manifest.read(path, manifest.root)
    except BenchError:
        return
    for place in found.rows["path"]:
        assert ".." not in Path(place).parts and not Path(place).is_absolute()
    assert len(found.hash) == 64
    assert form == ".csv" or found.rows.equals(manifest.rows)  # it has a checksum


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
    max_leaves=8,
)
NAME = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True).filter(
    lambda name: name not in {"as", "if", "in", "is", "or", "and", "not", "def", "del", "for"}
)


@FUZZ
@given(content=st.dictionaries(NAME, VALUE, max_size=4))
def test_a_config_reads_back_equal(content, tmp_path):
    assume(all(name.isidentifier() and name != "_base_" for name in content))
    python = tmp_path / "own.py"
    python.write_text("".join(f"{name} = {value!r}\n" for name, value in content.items()))
    try:
        compile(python.read_text(), "own.py", "exec")
    except SyntaxError:  # the name is a keyword
        assume(False)
    infinite = "inf" in python.read_text()
    (tmp_path / "own.json").write_text(json.dumps(content))
    if not infinite:  # has no literal in Python
        assert config.load(python) == content
    assert config.load(tmp_path / "own.json") == content


@FUZZ
@given(text=st.binary(max_size=60), suffix=st.sampled_from([".py", ".json", ".toml"]))
def test_any_bytes_are_a_config_or_an_error(text, suffix, tmp_path):
    path = tmp_path / f"own{suffix}"
    path.write_bytes(text)
    try:
        assert isinstance(config.load(path), dict)
    except BenchError as error:
        assert f"own{suffix}" in str(error)


@FUZZ
@given(data=st.data(), suffix=st.sampled_from([".py", ".json", ".toml"]))
def test_a_damaged_config_is_a_config_or_an_error(data, suffix, tmp_path):
    whole = {
        ".py": b'"""Head."""\na = dict(b=[1, (2.5, None)], c={"x": -1})\n',
        ".json": b'{"a": {"b": [1, [2.5, null]], "c": {"x": -1}}}',
        ".toml": b"[a]\nb = [1, 2.5]\nc = {x = -1}\nd = 2020-01-01\n",
    }
    test_any_bytes_are_a_config_or_an_error.hypothesis.inner_test(
        data.draw(damaged(whole[suffix])), suffix, tmp_path
    )


@FUZZ
@given(key=st.from_regex(r"[a-z]+(\.[a-z]+){0,2}", fullmatch=True), text=ANY_TEXT)
def test_an_override_never_fails(key, text):
    found = config.override({}, (f"{key}={text}",))
    for part in key.split("."):
        found = found[part]
    assert (
        found == text or repr(found) == text or not isinstance(found, str) or text[:1] in "'\"rbu ("
    )


@FUZZ
@given(
    value=st.floats(allow_nan=False, allow_infinity=False),
    params=st.dictionaries(WORD, VALUE.filter(lambda v: "inf" not in repr(v)), max_size=3),
    message=ANY_TEXT,
    warnings=st.lists(ANY_TEXT, max_size=2),
)
def test_a_record_reads_back_equal(value, params, message, warnings):
    record = Record.model_validate(
        {
            "cell_key": "0" * 16,
            "kind": "eval",
            "status": "done",
            "objective": {"name": "a", "params": params, "source": message},
            "backbone": {"name": "b"},
            "task": {"name": "t", "protocol": "linear", "primary_metric": "top1"},
            "data": {"dataset": "d", "kind": "full", "licence": message},
            "scores": {"top1": {"value": value, "n": 3}},
            "warnings": warnings,
        }
    )
    again = Record.model_validate_json(record.to_json())
    assert again == record and again.to_json() == record.to_json()


@FUZZ
@given(data=st.data())
def test_a_damaged_record_is_refused_or_whole(data):
    record = Record.model_validate(
        {
            "cell_key": "0" * 16,
            "kind": "pretrain",
            "status": "done",
            "objective": {"name": "a"},
            "backbone": {"name": "b"},
            "data": {"dataset": "d", "kind": "full"},
        }
    )
    try:
        found = Record.model_validate_json(data.draw(damaged(record.to_json().encode())))
    except ValidationError:
        return
    assert Record.model_validate_json(found.to_json()) == found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One good file of each kind, as bytes."""
    folder = tmp_path_factory.mktemp("whole")
    torch.manual_seed(0)
    nets = {"audio": BACKBONES.build({"type": "synthetic_audio"})}
    save_encoders(nets, folder / "encoders.pt", meta={"seed": 1})
    write_predictions(
        folder / "p.npz", sample_id=["a", "b"], group_id=["a", "b"], target=[0, 1],
        score=np.eye(2),
    )  # fmt: skip
    (folder / "member.txt").write_bytes(b"content " * 50)
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as out:
        out.write(folder / "member.txt", "x/member.txt")
    with tarfile.open(folder / "a.tgz", "w:gz") as out:
        out.add(folder / "member.txt", "x/member.txt")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@FUZZ
@given(data=st.data(), name=st.sampled_from(["encoders.pt", "p.npz", "a.zip", "a.tgz"]))
def test_damaged_binaries_are_refused_or_whole(whole, data, name, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    (folder / name).write_bytes(data.draw(damaged(whole[name])))
    read = {"encoders.pt": read_encoders, "p.npz": read_predictions}
    try:
        if name in read:
            read[name](folder / name)
        else:
            unpack(folder)
    except BenchError as error:
        assert name in str(error)
    assert not (folder.parent / "x").exists()
