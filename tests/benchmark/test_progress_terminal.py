"""The live table as a terminal of 80 columns gets it, and plain lines where there is none."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

RUN = """
import sys, time, torch
from benchmark.progress import RunProgress

def step(number, steps, **more):
    return {"step": number, "steps": steps, "epoch": 2, "epochs": 30, "data_wait": 0.04,
            "memory_gb": 31.2, "logs": {"loss_x": torch.tensor(0.41)}, **more}

with RunProgress({"a": 100.0, "b": 300.0}).running() as run:
    run.begin("a", "ucf101 glcm s0 finetune")
    run.begin("b", "kinetics_sound:av temporal_order s1 fold 2 [bold]linear")
    run.phase = "a"
    run.report({"val": {"top1": 80.9}})
    run.report(step(120, 900))
    run.phase = "b"
    run.report({"test": 3, "tests": 20})
    time.sleep(0.6)  # it is drawn four times a second
    run.say("WARNING a line that stays [not markup]")
    run.close("a")
    time.sleep(0.6)
    run.end("done kinetics_sound")
sys.stdout.write('{"the": "score"}')
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def environment(**changes):
    kept = {name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    return {**kept, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path), **changes}


def on_a_terminal(**changes):
    """Standard error of RUN on a terminal of 80 columns, and its standard output in a file."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment(**changes),
        text=True,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        shown += part
    os.close(ours)
    out = process.stdout.read()
    assert process.wait(30) == 0
    return shown.decode(), out


@pytest.fixture(scope="module")
def terminal():
    return on_a_terminal()


def lines(shown):
    return [line.rstrip() for line in re.split(r"[\r\n]+", ESCAPES.sub("", shown))]


def test_the_table_fits_and_says_all(terminal):
    shown = lines(terminal[0])
    assert max(map(len, shown)) <= 80
    [head] = {" ".join(line.split()) for line in shown if line.startswith("cell ")}
    assert head == "cell phase step loss metric eta memory wait"
    whole = "\n".join(shown)
    assert re.search(r"epoch 2/30 +120/900 +0\.410 +top1 80\.9 +31\.2 GB +4%", whole)
    assert "test batch 3/20" in whole
    assert re.search(r"whole run 3%, eta ", whole)  # 120/900 of 100 of 400


def test_titles_and_lines_are_no_markup(terminal):
    whole = " ".join(" ".join(lines(terminal[0])).split())
    assert "[bold]" in whole and "[not markup]" in whole


def test_lines_stay_and_the_table_goes(terminal):
    assert "WARNING a line that stays [not markup]" in lines(terminal[0])
    assert "done kinetics_sound" in lines(terminal[0])
    after = ESCAPES.sub("", terminal[0].rpartition("done kinetics_sound")[2])
    assert "epoch 2/30" not in after  # its row was closed
    assert terminal[0].rstrip().endswith(("\x1b[?25h", "\x1b[2K"))  # cursor back, last line wiped


def test_stdout_has_the_score_alone(terminal):
    assert terminal[1] == '{"the": "score"}'


@pytest.mark.parametrize("changes", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_plain_lines_on_a_terminal_that_wants_them(changes):
    shown, _ = on_a_terminal(**changes)
    assert "\x1b" not in shown
    assert_plain(lines(shown))


def test_plain_lines_in_a_file():
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment(), capture_output=True, text=True, check=True
    )
    assert "\x1b" not in done.stderr
    assert_plain(done.stderr.splitlines())
    assert done.stdout == '{"the": "score"}'


def assert_plain(shown):
    assert [line for line in shown if line] == [
        "ucf101 glcm s0 finetune  epoch 2/30  step 120/900  loss 0.410  val top1 80.9  eta ?  "
        "31.2 GB  data wait 4%",
        "kinetics_sound:av temporal_order s1 fold 2 [bold]linear  test batch 3/20",
        "WARNING a line that stays [not markup]",
        "done kinetics_sound",
    ]
