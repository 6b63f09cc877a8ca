"""The index speeds reading and never has the last word."""

import json
import os

import pytest

from benchmark.results import index
from benchmark.results.store import RecordStore
from benchmark.results.verify import verify


@pytest.fixture
def store(tmp_path, monkeypatch, make_record):
    """Two records and an index of both."""
    monkeypatch.setattr(index, "SETTLED", 0)
    store = RecordStore(tmp_path)
    for record in (make_record(value=40.0), make_record(value=60.0, seed=1)):
        store.write(record)
    assert store.reindex() == 2
    return store


def values(store, **options):
    return [record.primary.value for record in store.read_all(**options)]


def edit(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def test_what_it_gives_is_what_the_files_give(store, monkeypatch):
    from_files = store.read_all(indexed=False)
    opened = []
    real = index.Path.read_bytes
    monkeypatch.setattr(
        index.Path, "read_bytes", lambda path: opened.append(path.name) or real(path)
    )
    assert store.read_all() == from_files and len(from_files) == 2
    assert opened == [index.NAME]  # and no record


def test_a_record_edited_later_is_read_from_its_file(store):
    path = next(path for path in store.paths() if '"value": 40.0' in path.read_text())
    before = path.stat()
    edit(path, '"value": 40.0', '"value": 90.0')  # as long as before
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # and as old
    assert values(store) == values(store, indexed=False) == [90.0, 60.0]


def test_records_written_and_removed_later_are_seen(store, make_record):
    store.paths()[0].unlink()
    store.write(make_record(value=70.0, seed=2))
    assert len(values(store)) == 2 and 70.0 in values(store)


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "flipped", "other"])
def test_a_damaged_index_counts_for_nothing(store, damage):
    path = store.root / index.NAME
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {
                "empty": b"",
                "cut": content[:-100],
                "flipped": content.replace(b'"value": 40.0', b'"value": 99.0'),
                "other": b"no index\n",
            }[damage]
        )
    assert values(store) == [40.0, 60.0]
    assert store.problems == []


def test_verify_reads_the_files(store):
    """Even an index that was forged whole, digest included, hides nothing from it."""
    path = next(path for path in store.paths() if '"value": 40.0' in path.read_text())
    edit(path, '"seed": 0', '"seed": 5')  # a key field
    content = (store.root / index.NAME).read_bytes().partition(b"\n")[2]
    entries, _, texts = content.partition(b"\n")
    entries = json.loads(entries)
    place = path.relative_to(store.root).as_posix()
    entries[place] = (entries[place][0], index.stamp(path.stat()))
    body = json.dumps(entries).encode() + b"\n" + texts
    digest = index.hashlib.sha256(body).hexdigest().encode()
    (store.root / index.NAME).write_bytes(digest + b"\n" + body)
    assert "key" in {problem.code for problem in verify(store)}


def test_a_file_that_changed_a_moment_ago_is_left_out(store, monkeypatch):
    monkeypatch.setattr(index, "SETTLED", 3600 * 10**9)
    assert store.reindex() == 0
    assert values(store) == [40.0, 60.0]
