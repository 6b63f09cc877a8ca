"""Files from elsewhere are data: what tries to run code, or to reach out of its place, is refused.

Every attack here leaves a file behind where it succeeds, and each is first seen to succeed when it
is let loose, so that a test which passes has refused something real.
"""

from __future__ import annotations

import ast
import io
import os
import pickle
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import load_checkpoint

from benchmark import config
from benchmark.backbones import compat
from benchmark.checkpoint import NAME, Checkpoint
from benchmark.cli import main as cli
from benchmark.data.archives import by_hand, unpack
from benchmark.encoder_file import load_encoder, read_encoders
from benchmark.results.predictions import read_predictions
from registries.errors import BenchError, NotReadyError, UsageError, VerificationError

ROOT = Path(__file__).resolve().parents[2]


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)


@pytest.fixture
def mark(tmp_path):
    """Where an attack leaves its trace; a test that ends with one has failed."""
    place = tmp_path / "attacked"
    yield place
    assert not place.exists()


def bare(path, content):
    path.write_bytes(pickle.dumps(content))


def zipped(path, content):
    torch.save(content, path)


def legacy(path, content):
    torch.save(content, path, _use_new_zipfile_serialization=False)


WRITERS = [bare, zipped, legacy]


@pytest.mark.parametrize("write", WRITERS)
def test_the_attack_is_real(tmp_path, write):
    mark = tmp_path / "attacked"
    write(tmp_path / "a.pt", Attack(mark))
    if write is bare:
        pickle.loads((tmp_path / "a.pt").read_bytes())
    else:
        torch.load(tmp_path / "a.pt", weights_only=False)
    assert mark.is_dir()


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("place", ["whole", "meta", "weights"])
def test_an_encoder_file_runs_nothing(tmp_path, mark, write, place, capsys):
    path, attack = tmp_path / "encoders.pt", Attack(mark)
    entry = {"config": {"type": "r3d_18"}, "weights": {"a": attack}}
    content = {
        "whole": attack,
        "meta": {"format": 1, "encoders": {}, "meta": {"x": attack}},
        "weights": {"format": 1, "encoders": {"video": entry}, "meta": {}},
    }
    write(path, content[place])
    with pytest.raises(NotReadyError, match=r"encoders\.pt is not a safe encoder file"):
        read_encoders(path)
    ask = ["run", "--encoders", str(path), "--tasks", "ucf101", "--out", str(tmp_path / "o")]
    assert cli.execute(ask) == 3
    assert "safe encoder file" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "content",
    [
        {"format": 1},
        {"format": 1, "encoders": 5, "meta": {}},
        {"format": 1, "encoders": {"video": {"config": {}, "weights": {}}}, "meta": {}},
        {"format": 1, "encoders": {"video": {"config": {"type": "a"}, "weights": 3}}, "meta": {}},
        {"format": 2, "encoders": {}, "meta": {}},
        [1, 2],
    ],
)
def test_an_encoder_file_of_another_make_is_named(tmp_path, content):
    torch.save(content, tmp_path / "encoders.pt")
    with pytest.raises(NotReadyError, match=r"encoders\.pt holds no encoders of format 1"):
        read_encoders(tmp_path / "encoders.pt")


@pytest.mark.parametrize("nested", [False, True])
def test_the_config_in_an_encoder_file_names_no_function(tmp_path, mark, nested):
    """mmengine imports and calls a dotted name that it does not know."""
    call = {"type": "os.mkdir", "path": str(mark)}
    if nested:
        compat.mmaction_models()
        call = {"type": "mmaction.ResNet3dSlowOnly", "depth": 50, "conv_cfg": call}
    for model in (call, {"type": "registered", "model": call}):
        content = {"video": {"config": model, "weights": {}}}
        torch.save({"format": 1, "encoders": content, "meta": {}}, tmp_path / "encoders.pt")
        with pytest.raises(UsageError, match=r"registered .* as 'os\.mkdir'"):
            load_encoder(tmp_path / "encoders.pt", "video")


@pytest.mark.parametrize(
    "model",
    [
        {"type": "registered"},
        {"type": "registered", "model": {}},
        {"type": "r3d_18", "no_such": 1},
        {"type": "r3d_18", "grid_stride": "wide"},
    ],
)
def test_a_config_that_makes_no_encoder_is_named(tmp_path, model):
    content = {"video": {"config": model, "weights": {}}}
    torch.save({"format": 1, "encoders": content, "meta": {}}, tmp_path / "encoders.pt")
    with pytest.raises((NotReadyError, UsageError)):
        load_encoder(tmp_path / "encoders.pt", "video")


@pytest.mark.parametrize("write", WRITERS)
def test_a_checkpoint_runs_nothing(tmp_path, mark, write):
    """Refused with a message before a Runner takes it up, and by the Runner's own reading."""
    path = tmp_path / NAME
    write(path, {"state_dict": {}, "meta": Attack(mark)})
    hook = Checkpoint(lambda *_: None, every=0.0)
    with pytest.raises(BenchError, match=r"is no checkpoint that can be read safely"):
        hook.before_train(SimpleNamespace(work_dir=tmp_path))
    with pytest.raises(pickle.UnpicklingError, match=r"[Ww]eights"):
        load_checkpoint(torch.nn.Linear(1, 1), str(path), map_location="cpu")


@pytest.mark.parametrize("kind", ["pickle", "npy", "npz"])
def test_a_prediction_file_runs_nothing(tmp_path, mark, kind):
    path, attack = tmp_path / "p.npz", Attack(mark)
    objects = np.array([attack], dtype=object)
    if kind == "pickle":
        bare(path, attack)
    else:
        buffer = io.BytesIO()
        if kind == "npz":
            np.savez(buffer, sample_id=objects, group_id=objects, target=objects, score=objects)
        else:
            np.save(buffer, objects, allow_pickle=True)
        path.write_bytes(buffer.getvalue())
    with pytest.raises(VerificationError, match=r"p\.npz is no prediction file"):
        read_predictions(path)


@pytest.mark.parametrize("suffix", [".json", ".toml", ".yaml", ""])
def test_other_kinds_of_config_hold_data_or_are_refused(tmp_path, suffix):
    good = {".json": '{"a": {"b": [1, 2]}}', ".toml": "[a]\nb = [1, 2]\n"}
    path = tmp_path / f"own{suffix}"
    path.write_text(good.get(suffix, "a: !!python/object/apply:os.getcwd []"))
    if suffix in good:
        assert config.load(path) == {"a": {"b": [1, 2]}}
        path.write_text("[" * 99_999)
    with pytest.raises(UsageError, match=r"own(\.\w+)?( cannot be read|: .* no kind of config)"):
        config.load(path)


HOSTILE = [
    "import os\nos.mkdir('MARK')\n",
    "a = __import__('os').mkdir('MARK')\n",
    "a = dict(b=[(exec(\"import os; os.mkdir('MARK')\"),)])\n",
    "a = {__import__('os').mkdir('MARK'): 1}\n",
    "a = f\"{__import__('os').mkdir('MARK')}\"\n",
    "a = dict(**{'b': __import__('os').mkdir('MARK')})\n",
    "@__import__('os').mkdir('MARK')\ndef f(): pass\n",
    "class A(metaclass=__import__('os').mkdir('MARK')): pass\n",
    "a: __import__('os').mkdir('MARK') = 1\n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_config_runs_nothing(tmp_path, mark, text, capsys):
    path = tmp_path / "own.py"
    path.write_text(text.replace("MARK", str(mark)))
    with pytest.raises(UsageError, match=r"own\.py(, line \d)?: .*never executed"):
        config.load(path)
    ask = ["run", "--objective", "random", "--tasks", "ucf101", "--config", str(path)]
    assert cli.execute(ask) == 2
    assert "never executed" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("text", ["__import__('os').mkdir('MARK')", "(1).__class__", "[" * 9999])
def test_an_override_is_text_where_it_is_no_literal(mark, text):
    text = text.replace("MARK", str(mark))
    assert config.override({}, (f"a={text}",)) == {"a": text}


FORBIDDEN = {
    *("eval", "exec", "compile", "__import__"),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("pickle.load", "pickle.loads", "pd.read_pickle", "joblib.load"),
}


def complaints(tree: ast.AST) -> list[str]:
    """Calls that hand text to an interpreter, a shell or a pickle."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        words = {word.arg: ast.unparse(word.value) for word in node.keywords}
        wrong = name in FORBIDDEN
        wrong |= words.get("shell", "False") != "False"
        wrong |= name == "torch.load" and words.get("weights_only") != "True"
        wrong |= name in {"np.load", "numpy.load"} and words.get("allow_pickle") != "False"
        if wrong:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def test_no_shell_no_pickle_no_eval_in_the_code():
    found = {}
    for package in ("registries", "objectives", "benchmark"):
        for path in (ROOT / package).rglob("*.py"):
            if wrong := complaints(ast.parse(path.read_text(encoding="utf-8"))):
                found[str(path)] = wrong
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "os.system(f'ffmpeg {path}')",
        "subprocess.run(command, shell=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "np.load(path)",
        "pickle.load(file)",
        "eval(text)",
    ],
)
def test_the_rule_finds(line):
    assert complaints(ast.parse(line))


def test_names_of_archives_are_quoted_in_what_is_printed(tmp_path):
    (tmp_path / "a'; touch x; '.rar").write_bytes(b"")
    (tmp_path / "$(touch x)_partaa").write_bytes(b"")
    for command in by_hand(tmp_path):
        bare_words = re.sub(r"'[^']*'|\"'\"", "", command)
        assert "touch" not in bare_words and "$" not in bare_words


@pytest.mark.parametrize("name", ["../x.mp4", "/x.mp4", ".", "a/../../x.mp4", "link/x.mp4"])
def test_prepare_writes_nothing_outside(tmp_path, name, capsys):
    root, outside = tmp_path / "ucf101", tmp_path / "outside"
    root.mkdir(), outside.mkdir()
    (root / "link").symlink_to(outside)
    with zipfile.ZipFile(root / "a.zip", "w") as out:
        out.writestr(name, b"bad")
    before = sorted(tmp_path.rglob("*"))
    assert cli.execute(["data", "prepare", "ucf101", "--root", str(root)]) == 3
    assert "the folder" in " ".join(capsys.readouterr().err.split())
    assert sorted(tmp_path.rglob("*")) == before


def test_a_locked_archive_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr("x.mp4", b"content")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[6] |= 1  # the flag of encryption, in the member's own head and in the directory
    content[content.find(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(NotReadyError, match=r"a\.zip does not unpack .*password"):
        unpack(tmp_path)
