"""The command that a failed run prints asks for the same cells."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

import benchmark.run
from benchmark.cli import main as cli
from benchmark.plan_request import RunRequest
from benchmark.summary import retry_command


@pytest.fixture
def read(monkeypatch):
    """The request that the command line makes of a command."""
    heard = []
    monkeypatch.setattr(benchmark.run, "execute", lambda request: heard.append(request) or 0)

    def back(command):
        program, *words = shlex.split(command)
        assert program == "bench" and cli.execute(words) == 0
        return heard[-1]

    return back


def test_the_shortest_request(read):
    request = RunRequest(objectives=("glcm",), tasks=("lrw",))
    assert retry_command(request) == "bench run --objective glcm --tasks lrw"
    assert read(retry_command(request)) == request


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2), (7,), (2, 0)])
def test_seeds(read, seeds):
    request = RunRequest(objectives=("glcm",), tasks=("lrw",), seeds=seeds)
    assert read(retry_command(request)).seeds == seeds


def test_every_option_comes_back_but_force(read, tmp_path, monkeypatch):
    plugin = tmp_path / "plug in.py"
    monkeypatch.setattr("registries.plugins.add_file", lambda path: None)
    (tmp_path / "my data").mkdir()
    request = RunRequest(
        objectives=("glcm", "moco"),
        tasks=("lrw", "dfdc"),
        protocol="linear",
        data={"lrw": tmp_path / "my data", "": tmp_path},
        pretrain_data="kav",
        preset="mini",
        backbones=("r3d_18",),
        seeds=(0, 1),
        overrides=("finetune.lr=1e-3", "tasks.lrw.note='a b'"),
        out=Path("results/other runs"),
        jobs=2,
        follow_links=True,
        force=True,
        json=True,
        on_error="stop",
        plugins=(plugin,),
    )
    assert read(retry_command(request)) == replace(request, force=False)


def test_encoders_and_miniatures(read, tmp_path):
    encoders = tmp_path / "encoders.pt"
    encoders.write_bytes(b"")
    request = RunRequest(objectives=(), tasks=("lrw",), encoders=encoders, miniature=True)
    assert read(retry_command(request)) == request
