"""Exit codes and messages of `bench`: names are checked before anything heavy happens."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli import main as cli
from benchmark.cli import run as run_command
from registries import plugins

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("torch", "mmengine", "pandas", "numpy", "av", "matplotlib")


@pytest.fixture
def bench(capsys, monkeypatch, tmp_path):
    """Run one command line; returns its exit code, stdout, and stderr on one line."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.execute(list(arguments))
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return call


@pytest.fixture
def requests(monkeypatch):
    """RunRequests handed over by `bench run`, which then does nothing."""
    import benchmark.run

    seen: list[run_command.RunRequest] = []
    monkeypatch.setattr(benchmark.run, "execute", lambda request: seen.append(request) or 0)
    return seen


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["list", "objectives"],
        ["list", "tasks"],
        ["list", "backbones"],
        ["list", "protocols"],
        ["list", "datasets", "--json"],
        ["list", "presets"],
    ],
)
def test_answers_without_heavy_imports(arguments):
    code = (
        "import sys; from benchmark.cli.main import execute; "
        f"code = execute({arguments!r}); "
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "HEAVY [] 0"


def test_version(bench):
    from benchmark import __version__

    assert bench("--version") == (0, f"bench {__version__}\n", "")


def test_misspelt_command_and_option_name_the_nearest(bench):
    code, out, err = bench("lst", "tasks")
    assert (code, out) == (2, "")
    assert "'list'" in err

    code, out, err = bench("run", "--objektive", "glcm", "--tasks", "lrw")
    assert (code, out) == (2, "")
    assert "--objective" in err
    assert "bench run --help" in err


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["run", "--objective", "glmc", "--tasks", "lrw"], "'glcm'"),
        (["run", "--objective", "glcm", "--tasks", "lrv"], "'lrw'"),
        (["run", "--objective", "glcm", "--tasks", "@locla"], "'@local'"),
        (["run", "--objective", "glcm", "--tasks", "lrw", "--preset", "dmeo"], "'demo'"),
        (["run", "--objective", "glcm", "--tasks", "lrw", "--protocol", "fintune"], "'finetune'"),
        (["run", "--objective", "glcm", "--tasks", "lrw", "--backbone", "r3d_81"], "'r3d_18'"),
        (["list", "objective"], "'objectives'"),
        (["describe", "ucf100"], "'ucf101'"),
        (["data", "miniature", "mini-lwr"], "'mini-lrw'"),
        (["report", "--format", "markdown"], "term"),
    ],
)
def test_unknown_names_exit_2_with_the_nearest(bench, arguments, nearest):
    code, out, err = bench(*arguments)
    assert (code, out) == (2, "")
    assert nearest in err


def test_usage_errors_are_one_paragraph_of_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.execute(["run", "--objective", "glmc", "--tasks", "lrw"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: unknown objective 'glmc'")
    assert max(map(len, err.splitlines())) <= 80
    assert "\n\n" not in err
    assert "\x1b" not in err  # not a terminal: no colour


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tasks", "lrw"], "--encoders FILE"),
        (["--objective", "glcm"], "--tasks"),
        (["--objective", "glcm", "--tasks", ","], "at least one"),
        (["--objective", "glcm", "--tasks", "lrw", "--seeds", "0"], "at least one seed"),
        (["--objective", "glcm", "--tasks", "lrw", "--seeds", "a"], "a count"),
        (["--objective", "glcm", "--tasks", "lrw", "-o", "epochs"], "key=value"),
        (["--objective", "glcm", "--tasks", "lrw", "-o", "a=1", "-o", "a=2"], "twice"),
        (["--objective", "glcm", "--tasks", "lrw", "--data", "nowhere"], "not a folder"),
        (["--objective", "glcm", "--tasks", "lrw", "--data", ".", "--data", "."], "already given"),
        (
            ["--objective", "glcm", "--tasks", "lrw", "--data", ".", "--data", "miniature"],
            "cannot be mixed",
        ),
        (["--encoders", "none.pt", "--tasks", "lrw"], "no such file"),
        (["--objective", "glcm", "--tasks", "lrw", "--plugin", "none.py"], "no such file"),
    ],
)
def test_impossible_runs_exit_2(bench, arguments, words):
    code, out, err = bench("run", *arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_run_hands_over_everything(bench, requests, tmp_path):
    code, _, err = bench(
        *("run", "--objective", "glcm", "--tasks", "ucf101,lrw", "--tasks", "lrw,dfdc"),
        *("--data", f"lrw={tmp_path}", "--data", str(ROOT), "--seeds", "4,2", "--preset", "mini"),
        *("-o", "finetune.epochs=5", "--out", str(tmp_path / "out"), "--jobs", "3"),
        *("--force", "--dry-run", "--json", "--on-error", "stop", "--backbone", "r3d_18"),
    )
    assert (code, err) == (0, "")
    (request,) = requests
    assert request.objectives == ("glcm",)
    assert request.tasks == ("ucf101", "lrw", "dfdc")  # order kept, repetition dropped
    assert request.data == {"lrw": tmp_path, "": ROOT}
    assert not request.miniature
    assert (request.seeds, request.preset, request.jobs) == ((4, 2), "mini", 3)
    assert request.overrides == ("finetune.epochs=5",)
    assert request.out == tmp_path / "out"
    assert request.force and request.dry_run and request.json
    assert (request.on_error, request.backbones) == ("stop", ("r3d_18",))


def test_groups_and_defaults(bench, requests):
    assert bench("run", "--objective", "all", "--tasks", "@all", "--data", "miniature")[0] == 0
    assert bench("run", "--objective", "glcm", "--tasks", "@local", "--seeds", "3")[0] == 0
    everything, local = requests
    assert set(everything.objectives) == set(plugins.available("objectives"))
    own = {"k400", "grid_words", "localise_flickr"}  # without a stand-in: asked for by name
    assert set(everything.tasks) == set(plugins.available("tasks")) - own
    assert everything.miniature and everything.seeds == (0,)
    assert {"lrw", "dfdc"} <= set(local.tasks)
    assert "ucf101" not in local.tasks
    assert local.seeds == (0, 1, 2)
    assert (local.preset, local.protocol, local.on_error) == ("demo", None, "continue")


def test_a_plugin_file_adds_names(bench, requests, tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "_files", {kind: {} for kind in plugins._files})
    file = tmp_path / "mine.py"
    file.write_text(
        '"""Mine."""\n'
        "from registries.registry import OBJECTIVES\n\n\n"
        '@OBJECTIVES.register_module(name="mine_only")\n'
        'class Mine:\n    """An objective of mine."""\n'
    )
    code, out, _ = bench("list", "objectives", "--plugin", str(file), "--json")
    assert code == 0
    assert {
        "name": "mine_only",
        "source": f"file mine.py sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}",
        "summary": "An objective of mine",
        "paper": "",
    } in (json.loads(out))


def test_exit_code_of_the_harness_is_passed_on(bench, monkeypatch):
    import benchmark.run

    monkeypatch.setattr(benchmark.run, "execute", lambda request: 1)
    assert bench("run", "--objective", "glcm", "--tasks", "lrw")[0] == 1


def test_interrupt_exits_130(bench, monkeypatch):
    import benchmark.run

    def interrupt(request):
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark.run, "execute", interrupt)
    code, _, err = bench("run", "--objective", "glcm", "--tasks", "lrw")
    assert code == 130
    assert "interrupted" in err
