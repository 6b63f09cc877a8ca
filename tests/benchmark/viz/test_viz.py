"""Pictures: laid out as said, of the right clips, with what is drawn written beside."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmark.cli import main as cli
from benchmark.encoder_file import read_encoders
from benchmark.pretrain import pretrain
from benchmark.settings import load_recipe
from benchmark.viz import retrieval
from benchmark.viz.attention import overlay
from benchmark.viz.grid import (
    CAPTION,
    FRAME,
    GAP,
    PAPER,
    RIGHT,
    SIDE,
    WRONG,
    Panel,
    save,
    tile,
)
from benchmark.viz.prepare import find_encoders, prepare, spread
from registries.errors import UsageError

SMALL = ("clip.clip_len=8", "clip.size=32", "video.base_channels=4", "audio.width=4")
SIZES = (*SMALL, "tasks.localise.size=64", "tasks.localise.clip_len=8", "tasks.ucf101.clip_len=4")


def options(*given):
    return [part for option in (*SIZES, *given) for part in ("-o", option)]


@pytest.fixture(scope="module")
def runs(mini_cache, tmp_path_factory):
    """A folder of records with the encoders of one objective, drawn at random."""
    out = tmp_path_factory.mktemp("viz") / "runs"
    recipe = load_recipe("demo", objectives=("scratch",), overrides=SIZES)
    made = {"recipe": recipe, "manifest": None, "store": None, "seed": 0, "report": print}
    pretrain("scratch", {}, out=out / "encoders" / "key", **made)
    return out


def test_pictures_lie_row_by_row_under_their_title():
    colours = [(200, 10, 10), (10, 200, 10), (10, 10, 200)]
    panels = [Panel(np.full((5, 7, 3), c, np.uint8), "a", RIGHT) for c in colours]
    page = tile(panels, columns=2, title="title")
    head = CAPTION + GAP
    assert page.shape == (head + 2 * (SIDE + CAPTION + GAP) + GAP, 2 * (SIDE + GAP) + GAP, 3)
    for place, colour in enumerate(colours):
        top = head + GAP + place // 2 * (SIDE + CAPTION + GAP)
        left = GAP + place % 2 * (SIDE + GAP)
        middle = page[top + FRAME : top + SIDE - FRAME, left + FRAME : left + SIDE - FRAME]
        assert (middle == colour).all()
        assert (page[top, left : left + SIDE] == RIGHT).all()  # the border
        below = page[top + SIDE : top + SIDE + CAPTION, left : left + SIDE]
        assert (below != PAPER).any()  # the caption
    assert (page[-GAP:] == PAPER).all() and (page[:head] != PAPER).any()


def test_a_caption_is_cut_to_its_picture():
    short = tile([Panel(np.zeros((2, 2, 3), np.uint8), "x" * 300)], columns=1)
    assert (short[:, GAP + SIDE :] == PAPER).all()
    assert (tile([Panel(np.zeros((2, 2, 3), np.uint8), "\u00e4")], columns=1) != PAPER).any()


def test_what_is_written_is_read_back(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (9, 11, 3)).astype(np.uint8)
    path = save(image, tmp_path / "deep" / "page.png")
    np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], image)
    assert [p.name for p in path.parent.iterdir()] == ["page.png"]


def test_a_map_is_red_where_it_is_highest_and_blue_where_lowest():
    heat = np.zeros((224, 224))
    heat[:112] = 1.0
    found = overlay(np.full((8, 8, 3), 100, np.uint8), heat).astype(int)
    top, bottom = found[20, 20], found[-20, 20]
    assert found.shape == (SIDE, SIDE, 3)
    assert top[0] - top[2] > 50 and bottom[2] - bottom[0] > 50


def test_places_are_spread():
    assert spread(10, 3).tolist() == [0, 4, 9] and spread(2, 5).tolist() == [0, 1]


def test_attention_writes_a_page_and_the_maps(runs, tmp_path, capsys):
    out = tmp_path / "pictures"
    given = ["viz", "attention", "--run-dir", str(runs), "-n", "5", "--out", str(out)]
    assert cli.execute([*given, *options()]) in (0, None)
    assert "attention.png and 5 maps" in " ".join(capsys.readouterr().out.split())
    page = cv2.imread(str(out / "attention.png"))
    assert page.shape[:2] == (
        CAPTION + GAP + 2 * (SIDE + CAPTION + GAP) + GAP,
        8 * (SIDE + GAP) + GAP,
    )
    maps = sorted((out / "maps").glob("*.npy"))
    found = [np.load(path) for path in maps]
    assert len(maps) == 5 and {one.shape for one in found} == {(4, 4)}
    assert all(one.dtype == np.float32 and np.ptp(one) > 0 for one in found)


def test_attention_needs_sight_and_sound(runs, capsys):
    given = ["viz", "attention", "--run-dir", str(runs), "--task", "ucf101"]
    assert cli.execute(given) == 2
    assert "ucf101 has no inputs 'av'" in " ".join(capsys.readouterr().err.split())


def test_retrieval_marks_clips_of_the_class(runs, mini_cache, tmp_path, monkeypatch):
    path = find_encoders(runs)
    ready = prepare(path, "ucf101", preset="demo", overrides=SIZES)
    drawn = []
    monkeypatch.setattr(retrieval, "tile", lambda panels, **rest: drawn.append((panels, rest)))
    monkeypatch.setattr(retrieval, "save", lambda page, place: place)
    cache = tmp_path / "cache"
    retrieval.draw_retrieval(ready, count=3, out=tmp_path, cache=cache, report=lambda event: None)
    ((panels, rest),) = drawn
    assert rest["columns"] == 6 and len(panels) == 18
    assert rest["title"].startswith("scratch on ucf101, mini-ucf (miniature)")
    for row in range(3):
        query, *nearest = panels[6 * row : 6 * row + 6]
        for found in nearest:
            assert found.border == (RIGHT if found.caption == query.caption else WRONG)
            assert found.image.shape == query.image.shape and found.image.std() > 0


def test_retrieval_is_that_of_the_protocol(runs, mini_cache, tmp_path, monkeypatch):
    """A table of known features: the nearest are those of the greatest cosine, never siblings."""
    ready = prepare(find_encoders(runs), "ucf101", preset="demo", overrides=SIZES)
    asked = []
    monkeypatch.setattr(retrieval, "tile", lambda panels, **rest: None)
    monkeypatch.setattr(retrieval, "save", lambda page, place: place)
    monkeypatch.setattr(
        retrieval, "_row", lambda r, m, query, near: (asked.append((query, near)), [])[1]
    )
    inner = retrieval._features(ready, cache=tmp_path, report=lambda event: None)
    rows = inner.manifest.rows
    test, gallery = (np.flatnonzero((rows["split"] == "test") == side) for side in (True, False))
    values = np.zeros((len(rows), 2), np.float32)
    angles = np.linspace(0.1, 1.5, len(gallery))
    values[gallery] = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    values[test] = (1.0, 0.0)
    table = type(inner)(inner.manifest, {"video": values})
    monkeypatch.setattr(retrieval, "_features", lambda *a, **k: table)
    retrieval.draw_retrieval(ready, count=1, out=tmp_path, cache=tmp_path, report=print)
    ((query, nearest),) = asked
    free = [g for g in gallery if rows["group"].iat[g] != rows["group"].iat[query]]
    assert nearest.tolist() == free[:5]


def test_sound_alone_is_drawn_as_its_spectrogram(runs, mini_cache, tmp_path):
    ready = prepare(find_encoders(runs), "esc10", preset="demo", overrides=SIZES)
    dataset = ready.task.dataset("test", ready.fold)
    found = retrieval.picture(ready, dataset, 0)
    steps = ready.task.sampling().views["audio"].clip_len
    assert found.shape == (80, steps, 3) and found.dtype == np.uint8 and found.std() > 5


def test_the_encoders_of_a_folder(runs, tmp_path):
    (path,) = runs.glob("encoders/*/encoders.pt")
    assert find_encoders(runs) == find_encoders(path.parent) == path
    assert read_encoders(path)["meta"]["objective"] == "scratch"
    with pytest.raises(UsageError, match=r"0 encoder files fit.*Found: scratch"):
        find_encoders(runs, "glcm")
    with pytest.raises(UsageError, match="Found: none"):
        find_encoders(tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "give either --encoders FILE or --run-dir"),
        (["--encoders", "a.pt", "--run-dir", "b"], "one of them"),
        (["--encoders", "a.pt", "--objective", "glcm"], "leave it out"),
    ],
)
def test_one_source_of_encoders(given, message, capsys):
    assert cli.execute(["viz", "retrieval", *given]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
