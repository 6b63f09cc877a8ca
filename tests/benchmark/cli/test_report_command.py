"""`bench report` and `bench plot`: what is printed, what is written, and the exit codes."""

import json

import pytest

from benchmark import report
from benchmark.cli import main as cli
from benchmark.cli.plot import KINDS
from benchmark.cli.report import FORMATS
from benchmark.report.figures import KINDS_OF_FIGURES
from benchmark.results.store import RecordStore


@pytest.fixture
def bench(capsys, monkeypatch, tmp_path):
    """Run one command line; returns its exit code, stdout, and stderr on one line."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = cli.execute(list(arguments))
        out, err = capsys.readouterr()
        return code, out, " ".join(err.split())

    return call


@pytest.fixture
def runs(tmp_path, make_record):
    """Folder with three objectives on two tasks, two seeds."""
    store = RecordStore(tmp_path / "runs")
    for place, name in enumerate(("moco", "glcm", "cpc")):
        for task in ("lrw", "dfdc"):
            for seed in (0, 1):
                value = 40.0 + 5 * place + seed * (1 + place / 10)
                store.write(make_record(name, task, value, seed=seed))
    return store


def test_the_terminal_shows_what_was_measured_and_names_the_rest(bench, runs):
    code, out, _ = bench("report", "--runs", "runs")
    assert code == 0
    assert "Objectives x tasks" in out
    assert "Average rank" in out
    assert "GLCM Table 1" not in out
    assert "more tables: bench report --tables all" in out
    assert max(map(len, out.splitlines())) <= 80
    assert len(out.splitlines()) < 80


def test_without_records_the_papers_are_shown(bench):
    code, out, err = bench("report", "--runs", "nowhere")
    assert code == 0
    assert "only published numbers are shown" in err
    assert "GLCM Table 1" in out


def test_chosen_tables(bench, runs):
    _, out, _ = bench("report", "--runs", "runs", "--tables", "glcm-t4,coverage")
    assert "GLCM Table 4" in out
    assert "Data coverage" in out
    assert "Objectives x tasks" not in out
    code, _, err = bench("report", "--runs", "runs", "--tables", "glcm-t44")
    assert code == 2
    assert "Did you mean 'glcm-t4'" in err


def test_every_format_is_written(bench, runs, tmp_path):
    code, out, _ = bench("report", "--runs", "runs", "--format", "md,csv,tex,html,json")
    assert code == 0
    names = [f"results/tables/report.{suffix}" for suffix in ("md", "csv", "tex", "html", "json")]
    assert out.split() == names
    folder = tmp_path / "results" / "tables"
    assert "../../runs/eval/" in (folder / "report.html").read_text()
    tables = json.loads((folder / "report.json").read_text())
    assert {"objectives", "glcm-t1", "recipes"} - {t["name"] for t in tables} == {"recipes"}


def test_the_page_shows_the_chosen_figures(bench, runs, tmp_path):
    def page(*figures):
        assert bench("report", "--runs", "runs", "--format", "html", *figures)[0] == 0
        return (tmp_path / "results" / "tables" / "report.html").read_text()

    whole, hours, none = page(), page("--figures", "wins"), page("--figures", "none")
    assert whole.count("<figure id=") > 1
    assert [part.split('"')[0] for part in hours.split('<figure id="')[1:]] == ["figure-wins"]
    assert "<figure id=" not in none
    code, _, err = bench("report", "--runs", "runs", "--format", "html", "--figures", "rank")
    assert code == 2
    assert "Did you mean 'ranks'" in err


def test_no_published(bench, runs):
    _, out, _ = bench("report", "--runs", "runs", "--no-published", "--tables", "all")
    assert "published" not in out


def test_a_folder_that_cannot_be_written(bench, runs, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = bench("report", "--runs", "runs", "--format", "md", "--out", "file/x")
    assert code == 3
    assert "cannot write the report below file/x" in err


def test_strict_is_content_with_a_whole_grid(bench, runs):
    assert bench("report", "--runs", "runs", "--strict")[0] == 0


@pytest.mark.parametrize(
    ("task", "value", "word"), [("dfdc", None, "failed"), ("ucf101", 50.0, "missing")]
)
def test_strict_refuses_what_is_incomplete(bench, runs, make_record, task, value, word):
    runs.write(make_record("avts", task, value))
    code, _, err = bench("report", "--runs", "runs", "--strict")
    assert code == 4
    assert f": {word}" in err


def test_strict_refuses_stale_and_unreadable_records(bench, runs, make_record, tmp_path):
    (tmp_path / "runs" / "eval" / "torn.json").write_text("{")
    code, _, err = bench("report", "--runs", "runs", "--strict")
    assert code == 4
    assert "1 unreadable record(s)" in err


def test_strict_refuses_an_empty_folder(bench, tmp_path):
    (tmp_path / "runs").mkdir()
    code, _, err = bench("report", "--runs", "runs", "--strict")
    assert code == 4
    assert "no evaluation is recorded" in err


def test_the_kinds_of_plots_are_those_of_the_figures():
    assert tuple(KINDS_OF_FIGURES) == KINDS
    assert set(FORMATS) == set(report.FORMATS)


def test_plot_writes_a_figure(bench, runs, tmp_path):
    assert bench("plot", "ranks", "--runs", "runs")[:2] == (0, "ranks.svg\n")
    assert (tmp_path / "ranks.svg").read_text().startswith("<?xml")
    assert bench("plot", "cd", "--runs", "runs", "--out", "x/cd.png")[0] == 0
    assert (tmp_path / "x" / "cd.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["plot", "rank", "--runs", "runs"], 2, "Did you mean 'ranks'"),
        (["plot", "ranks", "--runs", "nowhere"], 3, "nowhere does not exist"),
        (["plot", "learning", "--runs", "runs"], 3, "several lengths of pretraining"),
        (["plot", "ranks", "--runs", "runs", "--out", "x.jpg"], 2, "format of a plot 'jpg'"),
    ],
)
def test_plot_says_what_is_wrong(bench, runs, arguments, code, said):
    found, _, err = bench(*arguments)
    assert found == code
    assert said in err
