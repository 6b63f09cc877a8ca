"""`bench`: one Typer application. Every error a user can act on ends as one paragraph on stderr.

Exit codes: 0 done · 1 a cell failed · 2 usage · 3 environment or data not ready ·
4 `report --strict` incomplete · 5 verification mismatch · 75 stopped at a checkpoint, run again to
continue · 130 interrupted.
"""

from __future__ import annotations

import sys

import typer

from benchmark import __version__
from benchmark.cli.check import check
from benchmark.cli.compare import compare
from benchmark.cli.data import app as data_app
from benchmark.cli.describe import describe
from benchmark.cli.doctor import doctor
from benchmark.cli.learn import learn
from benchmark.cli.listing import list_names
from benchmark.cli.new import app as new_app
from benchmark.cli.output import fail
from benchmark.cli.perf import app as perf_app
from benchmark.cli.plot import plot
from benchmark.cli.report import report
from benchmark.cli.results import app as results_app
from benchmark.cli.run import run
from benchmark.cli.status import status
from benchmark.cli.viz import app as viz_app
from benchmark.stopping import StopRequested
from registries.errors import BenchError

INTERRUPTED = 130  # 128 + SIGINT, the shell's convention

app = typer.Typer(
    name="bench",
    help="Compare self-supervised audio-visual objectives under equal conditions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run)
app.command()(report)
app.command()(plot)
app.command()(status)
app.command()(compare)
app.command("list")(list_names)
app.command()(describe)
app.command()(check)
app.command()(learn)
app.command()(doctor)
app.add_typer(data_app, name="data")
app.add_typer(perf_app, name="perf")
app.add_typer(new_app, name="new")
app.add_typer(results_app, name="results")
app.add_typer(viz_app, name="viz")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Compare self-supervised audio-visual objectives under equal conditions."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; `arguments` replaces sys.argv in tests."""
    sys.exit(execute(arguments))


def execute(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = app(arguments, prog_name="bench", standalone_mode=False)
    except BenchError as error:
        return fail(str(error), code=error.exit_code)
    except StopRequested as stop:
        return fail(_stopped(stop), code=stop.exit_code)
    except typer.TyperException as error:  # usage errors of the option parser
        return fail(_with_help_hint(error), code=error.exit_code)
    except typer.Abort:
        code = INTERRUPTED
    if code == INTERRUPTED:  # the parser turns KeyboardInterrupt into this code
        return fail("interrupted; what was finished is saved", code=INTERRUPTED)
    return code if isinstance(code, int) else 0


def _stopped(stop: StopRequested) -> str:
    return (
        f"stopped by {stop}; what was finished is saved, and a training that was under way has "
        "written a checkpoint: the same command goes on from there"
    )


def _with_help_hint(error: typer.TyperException) -> str:
    """The parser's message, and where to read more."""
    context = getattr(error, "ctx", None)  # only errors raised while parsing a command carry one
    hint = f" `{context.command_path} --help` lists what is allowed." if context else ""
    message = error.format_message()
    return message + ("" if message.endswith((".", "?", ")")) else ".") + hint


if __name__ == "__main__":
    main()
