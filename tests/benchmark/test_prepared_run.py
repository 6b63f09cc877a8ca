"""A run on the manifest of a dataset is the run on its folder."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from benchmark.cli import main as cli
from benchmark.cli.run import read_data
from benchmark.data.miniature import build
from benchmark.data.prepare import prepare
from benchmark.plan import make_plan, resolve
from benchmark.plan_request import RunRequest
from benchmark.results.store import RecordStore
from registries.errors import NotReadyError, UsageError


@pytest.fixture(scope="module")
def root(mini_cache, tmp_path_factory):
    """A copy of mini-ucf, as the user's own data."""
    made = build.ensure("mini-ucf", tier="ci", cache=mini_cache)
    return shutil.copytree(made, tmp_path_factory.mktemp("mine") / "ucf")


@pytest.fixture
def written(root):
    """Its manifest in both forms."""
    return prepare("ucf101", root).written


def plan(place, out):
    request = RunRequest(
        objectives=("moco",),
        tasks=("ucf101",),
        data={"ucf101": place},
        pretrain_data="ucf101",
        overrides=("frame_cache=False",),
        out=out,
    )
    recipe, cards = resolve(request)
    return make_plan(request, recipe, cards, RecordStore(out))


def test_keys_and_clips_are_those_of_the_folder(root, written, tmp_path):
    folder, *others = (plan(place, tmp_path / "runs") for place in (root, *written))
    for found in others:
        assert [cell.key for cell in found.cells] == [cell.key for cell in folder.cells]
        assert [cell.encoder.key for cell in found.cells] == [
            cell.encoder.key for cell in folder.cells
        ]
        for split in ("train", "val", "test"):
            one, other = (p.cells[0].task.dataset(split, 1)[3] for p in (folder, found))
            assert one["data_samples"]["id"] == other["data_samples"]["id"]
            for view, clip in one["inputs"].items():
                assert np.array_equal(clip, other["inputs"][view])


def test_a_dry_run_on_a_manifest(root, written, tmp_path, capsys):
    ask = ["run", "--objective", "random", "--tasks", "ucf101", "--dry-run"]
    ask += ["--out", str(tmp_path / "runs"), "--data"]
    assert cli.execute([*ask, f"ucf101={written[0]}"]) == 0
    said = capsys.readouterr().err
    assert cli.execute([*ask, f"ucf101={root}"]) == 0
    assert said == capsys.readouterr().err and "1 cells to run" in said


def test_the_option_takes_files_by_name_alone(written):
    assert read_data([f"ucf101={written[0]}"]) == ({"ucf101": written[0]}, False)
    with pytest.raises(UsageError, match="name=FILE for a manifest"):
        read_data([str(written[0])])


def test_verify_reads_a_manifest_to_its_end(written, capsys):
    ask = ["data", "verify", "ucf101", "--decode", "1", "--root"]
    assert cli.execute([*ask, str(written[0])]) == 0
    assert "ucf101: sound" in capsys.readouterr().out
    content = written[0].read_bytes()
    written[0].write_bytes(content[:2000] + b"?" + content[2001:])
    assert cli.execute([*ask, str(written[0])]) == NotReadyError.exit_code
    assert "is no manifest, or a damaged one" in " ".join(capsys.readouterr().err.split())
