from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.data.manifest import Boxes, Manifest
from benchmark.data.splits import few, hold_out
from registries.errors import NotReadyError

PATHS = [f"v/{i}.mp4" for i in range(12)]


@pytest.fixture
def toy(manifest_of, tmp_path):
    return manifest_of(tmp_path, PATHS, label=[i % 2 for i in range(12)])


def test_hash_follows_content_and_not_the_place(toy):
    assert replace(toy, root=Path("elsewhere")).hash == toy.hash
    assert replace(toy, version="2").hash == toy.hash
    for column, value in (
        ("path", "v/x.mp4"),
        ("start", 0.5),
        ("stop", 2.0),
        ("label", 1),
        ("split", "test"),
        ("group", "g"),
        ("sha256", "ab"),
        ("bytes", 2),
        ("text", "BIN BLUE"),
        ("boxes", Boxes(((0.0, 0.0, 0.5, 0.5),)).text()),
    ):
        rows = toy.rows.copy()
        rows.loc[0, column] = value
        assert replace(toy, rows=rows).hash != toy.hash, column
    hashed = toy.rows.assign(sha256="ab")  # with a hash the size says nothing new
    resized = hashed.assign(bytes=9)
    assert replace(toy, rows=hashed).hash == replace(toy, rows=resized).hash


def test_round_trip(toy, tmp_path):
    rows = toy.rows.copy()
    rows.loc[1, "stop"] = 1.25
    rows["has_audio"] = rows["has_audio"].astype("boolean")
    rows.loc[2, "has_audio"] = False
    kept = replace(toy, rows=rows, missing=("gone.mp4",))
    kept.write(tmp_path / "deep" / "m.csv")
    found = Manifest.read(tmp_path / "deep" / "m.csv", kept.root)
    assert found.rows.equals(kept.rows)
    assert (found.hash, found.missing, found.labels) == (kept.hash, kept.missing, kept.labels)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["m.csv"]


def test_takes_are_nested(toy):
    assert toy.take(5).rows["id"].tolist() == PATHS[:5]
    assert len(toy.take(99)) == 12
    order = toy.ranked().rows["id"].tolist()
    assert sorted(order) == sorted(PATHS)
    assert order != PATHS
    assert toy.ranked().rows["id"].tolist() == order
    assert toy.ranked(1).rows["id"].tolist() != order


def test_an_empty_manifest_or_split_is_not_ready(toy):
    with pytest.raises(NotReadyError, match="no sample was found"):
        replace(toy, rows=toy.rows[:0])
    with pytest.raises(NotReadyError, match=r"split 'test' .*found \{'train': 12\}"):
        toy.split("test")


@pytest.mark.parametrize("path", ["/etc/x.mp4", "../x.mp4", "a/../../x.mp4"])
def test_paths_stay_inside_the_root(manifest_of, tmp_path, path):
    with pytest.raises(NotReadyError, match="leaves the dataset's folder"):
        manifest_of(tmp_path, [path])


def test_ids_are_unique(manifest_of, tmp_path):
    with pytest.raises(NotReadyError, match="listed twice"):
        manifest_of(tmp_path, ["a.mp4", "a.mp4"])


def test_hold_out_keeps_groups_whole_and_classes_in_train(manifest_of, tmp_path):
    paths = [f"{label}/{group}_{i}" for label in "ab" for group in range(10) for i in range(3)]
    groups = [path[:3] for path in paths]
    toy = manifest_of(tmp_path, paths, group=groups, label=[int(path[0] == "b") for path in paths])
    held = hold_out(toy, fraction=0.2)
    parts = held.rows.groupby("group")["split"].nunique()
    assert (parts == 1).all()
    count = held.rows.groupby(["label", "split"]).size()
    assert count[0, "val"] == count[1, "val"] == 6
    assert hold_out(toy, fraction=0.2).hash == held.hash
    assert hold_out(toy, fraction=0.2, seed=1).hash != held.hash
    assert hold_out(held) is held


def test_hold_out_leaves_the_only_group_of_a_class(manifest_of, tmp_path):
    toy = manifest_of(
        tmp_path, PATHS, label=[0] * 10 + [1] * 2, group=[str(i) for i in range(10)] + ["b"] * 2
    )
    held = hold_out(toy, fraction=0.5)
    assert set(held.rows.loc[held.rows["split"] == "train", "label"]) == {0, 1}
    with pytest.raises(NotReadyError, match="no validation data"):
        hold_out(manifest_of(tmp_path, PATHS, group=["one"] * 12))


def test_test_samples_are_never_moved(manifest_of, tmp_path):
    toy = manifest_of(tmp_path, PATHS, split=["train"] * 8 + ["test"] * 4)
    held = hold_out(toy, fraction=0.25)
    assert (held.rows["split"][8:] == "test").all()
    assert (held.rows["split"] == "val").sum() == 2


def test_a_few_samples_of_each_class_are_nested(manifest_of, tmp_path):
    toy = manifest_of(tmp_path, PATHS, label=[0] * 8 + [1] * 4)
    found = {k: set(few(toy, k, seed=0).rows["id"]) for k in (1, 2, 4)}
    assert [len(ids) for ids in found.values()] == [2, 4, 8]
    assert found[1] < found[2] < found[4]
    assert found[2] != set(few(toy, 2, seed=1).rows["id"])
    shares = {share: few(toy, share, seed=0).rows["label"].tolist() for share in (0.1, 0.5, 1.0)}
    assert shares[0.1] == [0, 1] and shares[0.5] == [0] * 4 + [1] * 2 and len(shares[1.0]) == 12
    with pytest.raises(NotReadyError, match="class 1 has 4"):
        few(toy, 5, seed=0)


def test_content_does_not_depend_on_labels_and_splits(toy):
    other = toy.rows.assign(label=3, split="test").iloc[::-1].reset_index(drop=True)
    assert replace(toy, rows=other).content == toy.content
    changed = toy.rows.assign(bytes=7)
    assert replace(toy, rows=changed).content != toy.content


def test_a_set_without_training_data_is_left_as_it_is(toy):
    asked = replace(toy, rows=toy.rows.assign(split="test"))
    assert hold_out(asked) is asked


def plain_hold_out(rows, *, fraction, seed):
    """Ids that are held out, by the rule applied to one group after another."""
    train = rows[rows["split"] == "train"]
    groups = train["group"].where(train["group"] != "", train["id"])
    members = dict(list(train.groupby(groups)))
    order = sorted(members, key=lambda n: hashlib.sha1(f"{seed}:{n}".encode()).digest())
    left = train["label"].value_counts().to_dict()
    need = {label: max(1.0, fraction * count) for label, count in left.items()}
    moved = []
    for name in order:
        counts = members[name]["label"].value_counts().to_dict()
        short = sum(min(max(need[label], 0.0), count) for label, count in counts.items())
        if all(left[x] > n for x, n in counts.items()) and 2 * short >= len(members[name]):
            moved += members[name]["id"].tolist()
            for label, count in counts.items():
                left[label] -= count
                need[label] -= count
    return set(moved)


@pytest.mark.parametrize("seed", range(12))
def test_hold_out_is_the_rule_applied_group_by_group(manifest_of, tmp_path, seed):
    rng = np.random.default_rng(seed)
    count, groups, labels = rng.integers(20, 300), rng.integers(5, 60), rng.integers(1, 12)
    columns = {
        "group": [("" if rng.random() < 0.1 else f"g{rng.integers(groups)}") for _ in range(count)],
        "label": rng.integers(-1, labels, count).tolist(),
        "split": rng.choice(["train", "test"], count, p=[0.8, 0.2]).tolist(),
    }
    toy = manifest_of(tmp_path, [f"v/{place}.mp4" for place in range(count)], **columns)
    fraction = float(rng.choice([0.1, 0.25, 0.5]))
    expected = plain_hold_out(toy.rows, fraction=fraction, seed=seed)
    if not expected:
        with pytest.raises(NotReadyError, match="no validation data"):
            hold_out(toy, fraction=fraction, seed=seed)
        return
    held = hold_out(toy, fraction=fraction, seed=seed)
    assert set(held.rows["id"][held.rows["split"] == "val"]) == expected
    unchanged = held.rows["split"] == toy.rows["split"]
    assert int((~unchanged).sum()) == len(expected)


def test_values_of_a_row(toy):
    rows = toy.rows
    for row in (0, 11):
        said = toy.facts(row, "id", "label", "start", "tag")
        assert said == [rows[name].iloc[row] for name in ("id", "label", "start", "tag")]


def test_a_manifest_goes_to_another_process_once(toy):
    before = len(pickle.dumps(toy))
    toy.facts(3, "id")
    again = pickle.loads(pickle.dumps(toy))
    assert len(pickle.dumps(toy)) == before
    assert again.rows.equals(toy.rows) and again.facts(3, "id") == [PATHS[3]]
