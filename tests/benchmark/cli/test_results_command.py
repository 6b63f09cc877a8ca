"""`bench results` on the command line: what is printed and which exit code."""

import json

import pytest

from benchmark.cli import main as cli
from benchmark.results import index
from benchmark.results.store import RecordStore


@pytest.fixture
def stores(tmp_path):
    pair = RecordStore(tmp_path / "here"), RecordStore(tmp_path / "there")
    for store in pair:
        store.probe()
    return pair


@pytest.fixture
def results(stores, capsys):
    def call(command, *arguments):
        words = ["results", command, *map(str, arguments), "--runs", str(stores[0].root)]
        code = cli.execute(words)
        said, err = capsys.readouterr()
        return code, said, " ".join(err.split())

    return call


def test_reindex(stores, results, make_record, monkeypatch):
    monkeypatch.setattr(index, "SETTLED", 0)
    stores[0].write(make_record())
    code, out, _ = results("reindex")
    assert code == 0 and "1 record(s) indexed" in out
    assert (stores[0].root / index.NAME).is_file()


def test_merge(stores, results, make_record):
    here, there = stores
    record = make_record()
    there.write(record)
    code, out, err = results("merge", there.root)
    assert (code, err) == (0, "")
    assert f"{there.root}: 1 copied, 0 known already" in out
    assert here.read_all() == [record]
    again = make_record()  # the same cell
    there.write(again)
    code, out, _ = results("merge", there.root)
    assert code == 0 and f"the newest counts: cell {again.cell_key}" in out
    assert "1 copied, 1 known already" in out


def test_merge_tells_what_stays_behind(stores, results, make_record):
    here, there = stores
    both, torn = make_record(), make_record(seed=1)
    here.write(both)
    path = there.write(both.model_copy(update={"warnings": ["another"]}))
    there.write(torn).write_text("{")
    code, out, err = results("merge", there.root)
    assert code == 5 and err.startswith("error: 2 thing(s) listed above stayed behind")
    assert f"conflict: eval/{path.name}" in out and "refused: " in out
    assert here.read_all() == [both]


def test_merge_of_no_records(stores, results, tmp_path):
    code, out, err = results("merge", tmp_path / "nowhere")
    assert (code, out) == (3, "") and "holds no records" in err
    assert results("merge", stores[0].root)[0] == 2
    assert results("merge")[0] == 2  # nothing to merge


def test_verify_and_invalidate(stores, results, make_record):
    here = stores[0]
    record = make_record()
    path = here.write(record)
    assert results("verify")[0] == 0
    content = json.loads(path.read_text())
    content["key_fields"]["seed"] = 9
    path.write_text(json.dumps(content))
    code, out, err = results("verify")
    assert code == 5 and f"error: eval/{path.name}: cell key is" in out
    assert "cannot be trusted" in err
    assert results("invalidate", record.run_id, "--reason", "edited")[0] == 0
    assert results("verify")[0] == 0
    assert results("invalidate", "unknown", "--reason", "x")[0] == 2


def test_no_folder(tmp_path, capsys):
    for command in ("verify", "reindex"):
        assert cli.execute(["results", command, "--runs", str(tmp_path / "none")]) == 3
        assert "does not exist" in " ".join(capsys.readouterr().err.split())  # wrapped anywhere
