"""Sentence lip reading: its curriculum, its clips, and one short training from file to score."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.data import adapters
from benchmark.data.curriculum import CurriculumDataset
from benchmark.data.manifest import Manifest
from benchmark.data.miniature.build import ensure
from benchmark.data.miniature.lrs2 import MiniLRS2
from benchmark.data.rows.columns import make_rows
from benchmark.data.source import ClipSource
from benchmark.encoder_file import save_encoders
from benchmark.evaluate import evaluate
from benchmark.heads.ctc import CTCHead
from benchmark.mock import task_checks
from benchmark.plan import protocol_for
from benchmark.plan_request import RunRequest
from benchmark.settings import load_recipe
from benchmark.tasks.lrs2 import LRS2
from registries.errors import NotReadyError, UsageError
from registries.registry import BACKBONES, TASKS


class FewSentences(MiniLRS2):
    """Four clips of train, two of each other list."""

    def items(self, tier):
        chosen = {"train": 4, "val": 2, "test": 2, "pretrain": 2}
        planned = super().items(tier)
        return [
            item
            for name, count in chosen.items()
            for item in [i for i in planned if i.plan["list"] == name][:count]
        ]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    sets = {"mini-lrs2": f"{__name__}:FewSentences"}
    cache = tmp_path_factory.mktemp("few")
    return ensure("mini-lrs2", tier="ci", cache=cache, jobs=1, sets=sets, progress=lambda *_: None)


def task(root, **options):
    source = ClipSource(adapter="lrs2", root=root, size=36, seed=1)
    return LRS2(source=source, **{"fps": 10.0, "lip_frac": 0.5, **options})


def test_the_manifest_holds_the_curriculum(root):
    found = task(root).manifest()
    assert (
        found.rows["split"].tolist()
        == ["train"] * 4 + ["val"] * 2 + ["test"] * 2 + ["pretrain-0"] * 2
    )
    assert (found.kind, found.expected) == ("miniature", 10)
    alone = task(root, curriculum=0).manifest()
    assert len(alone) == 8 and alone.hash != found.hash  # another training, another cell


def test_training_begins_with_fragments(root):
    data = task(root).dataset("train")
    assert isinstance(data, CurriculumDataset) and len(data) == 4
    data.plan(8)
    texts = []
    for epoch in (0, 1, 2, 7):
        data.set_epoch(epoch)
        texts.append([data[index]["data_samples"]["text"] for index in range(4)])
    rows = data.manifest.rows
    fragments = rows["text"][rows["split"] == "pretrain-0"].tolist()
    assert sorted(texts[0]) == sorted(texts[1]) == sorted(2 * fragments)
    assert texts[2] == texts[3] == rows["text"][rows["split"] == "train"].tolist()


def test_an_utterance_is_one_clip_held_to_its_end(root):
    lrs2 = task(root)
    view = lrs2.sampling().views["video"]
    assert (view.clip_len, view.seconds) == (48, 4.8)
    lengths = {i.label: MiniLRS2().speech(i).seconds for i in FewSentences().items("ci")}
    for split in ("train", "val", "test"):
        data = lrs2.dataset(split, clips=3)
        for item in (data[index] for index in range(len(data))):
            frames, told = item["inputs"]["video"][0], item["data_samples"]
            inside = round(float(told["valid"]["video"]) * 48)
            assert abs(inside - 10 * lengths[told["text"]]) < 1
            assert float(told["times"]["video"].start) == 0.0
            held = frames[inside:].float()  # the file's last frame
            assert frames.shape == (48, 39, 39, 3) and float((held - held[0]).abs().max()) == 0.0


class Listed:
    """A source that reads lists and transcripts, and opens no file."""

    def __init__(self, pieces, kind="full"):
        self.pieces, self.kind = pieces, kind

    def manifest(self, **options):
        if options and self.pieces is None:
            raise NotReadyError("pretrain.txt is missing")
        rows = [{"id": f"main/{s}", "split": s, "path": f"{s}.mp4", "text": "A B"} for s in SPLITS]
        return self.of(self.pieces[options["words"]] if options else rows)

    training = manifest

    def of(self, rows):
        return Manifest(
            name="lrs2", root=Path(), rows=make_rows(rows), labels=(), kind=self.kind,
            version="1", expected=len(rows), missing=(), licence="",
        )  # fmt: skip


SPLITS = ("train", "val", "test")


def piece(name, start, stop):
    facts = {"id": f"pretrain/{name}", "path": f"{name}.mp4", "text": "A", "split": "train"}
    return {**facts, "start": start, "stop": stop}


def test_stages_of_more_and_more_words():
    pieces = {
        2: [piece("x@0+2", 0.0, 0.5), piece("y@0+1", 1.0, 2.0)],
        4: [piece("x@0+4", 0.0, 9.0), piece("y@0+1", 1.0, 2.0)],
        8: [piece("x@0+8", 0.0, 16.5)],  # longer than the view
        16: [piece("x@0+9", 0.0, 12.0)],
    }
    found = LRS2(source=Listed(pieces)).manifest()
    behind = found.rows[["split", "id"]].to_numpy().tolist()[3:]
    assert behind == [
        ["pretrain-2", "pretrain/x@0+2"],
        ["pretrain-2", "pretrain/y@0+1"],  # once: in the first stage that has it
        ["pretrain-4", "pretrain/x@0+4"],
        ["pretrain-16", "pretrain/x@0+9"],
    ]
    assert found.expected == 7
    only = LRS2(source=Listed(pieces), words=(16,), max_seconds=11.0).manifest()
    assert only.rows["split"].tolist() == list(SPLITS)
    assert LRS2(source=Listed(pieces)).sampling().views["video"].clip_len == 400


@pytest.fixture
def real_root(real_data, tmp_path, monkeypatch):
    """Real sentences of GRID in the layout of LRS2: links to the clips, with their word times."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    words = pd.read_csv(real_data / "grid" / "words_s1.csv")
    for number, (path, said) in enumerate(list(words.groupby("path", sort=False))[:8]):
        name = ("train", "train", "val", "test", *["pretrain"] * 4)[number]
        part = "pretrain" if name == "pretrain" else "main"
        stem = tmp_path / f"mvlrs_v1/{part}/{6 * 10**18 + number}/00001"
        stem.parent.mkdir(parents=True)
        shutil.copyfile(real_data / "grid" / path, stem.with_suffix(".mp4"))
        rows = [f"{row.word} {row.start_s} {row.end_s} 5.0" for row in said.itertuples()]
        head = [f"Text:  {' '.join(said['word'])}", "Conf:  5", "", "WORD START END ASDSCORE"]
        stem.with_suffix(".txt").write_text("\n".join([*head, *rows]))
        with (tmp_path / f"{name}.txt").open("a") as file:
            file.write(f"{stem.parent.name}/00001\n")
    return tmp_path


def test_real_sentences(real_root):
    """Whole clips of three seconds, and pieces cut by their word times."""
    lrs2 = task(real_root, crop="full", fps=25.0, max_seconds=4.0, words=(2, 4))
    counts = lrs2.manifest().rows["split"].value_counts().to_dict()
    assert counts == {"train": 2, "val": 1, "test": 1, "pretrain-2": 12, "pretrain-4": 4}
    whole = lrs2.dataset("test")[0]
    assert whole["data_samples"]["text"].split()[0] in ("BIN", "LAY", "PLACE", "SET")
    assert whole["inputs"]["video"].shape[:2] == (1, 100)
    assert whole["data_samples"]["valid"]["video"] == pytest.approx(0.75, abs=0.02)
    train = lrs2.dataset("train")
    train.plan(8)
    for epoch, words in ((0, 2), (1, 4), (2, 6)):
        train.set_epoch(epoch)
        for told in (train[index]["data_samples"] for index in range(2)):
            row = train.manifest.rows.set_index("id").loc[told["id"]]
            assert len(told["text"].split()) in {words, 6 % words or words}
            if words < 6:
                share = (row["stop"] - row["start"]) / 4.0
                assert told["valid"]["video"] == pytest.approx(share, abs=0.011)  # one frame


def test_what_is_refused():
    with pytest.raises(UsageError, match=r"curriculum=1 is the share"):
        LRS2(source=Listed({}), curriculum=1)
    with pytest.raises(UsageError, match=r"words=\(0,\): 0 stands for whole clips"):
        LRS2(source=Listed({}), words=(0,)).manifest()
    with pytest.raises(NotReadyError, match=r"pretrain\.txt is missing\n.*curriculum=0"):
        LRS2(source=Listed(None)).manifest()
    assert len(LRS2(source=Listed(None), curriculum=0).manifest()) == 3
    request = RunRequest(objectives=("scratch",), tasks=("lrs2",), protocol="linear")
    with pytest.raises(UsageError, match=r"protocol linear does not suit lrs2.*by finetune"):
        protocol_for(request, LRS2.card)


def test_it_keeps_the_contract():
    for run in task_checks("lrs2", recipe=load_recipe("demo", tasks=("lrs2",))).values():
        run()


def test_a_text_that_depends_on_the_batch_breaks_the_contract(monkeypatch):
    def read(self, features, samples):
        return ["A" if len(features) > 1 else "B"] * len(features)

    monkeypatch.setattr(CTCHead, "read", read)
    checks = task_checks("lrs2", recipe=load_recipe("demo", tasks=("lrs2",)))
    with pytest.raises(AssertionError, match="a text may depend on its own clip only"):
        checks["check_head"]()


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_from_files_to_texts(root, tmp_path, decoder):
    """Two epochs, the first of them on fragments; every test sentence is answered once."""
    recipe = load_recipe(
        "demo",
        tasks=("lrs2",),
        overrides=(
            "video.base_channels=4", "finetune.epochs=2", "finetune.batch_size=2",
            "tasks.lrs2.hidden=8", "frame_cache=false",
        ),
    )  # fmt: skip
    encoder = BACKBONES.build(dict(recipe.video))
    save_encoders({"video": encoder}, tmp_path / "encoders.pt", meta={})
    source = ClipSource(adapter="lrs2", root=root, size=36, seed=1)
    options = {**recipe.task_options("lrs2"), "decoder": decoder, "curriculum": 0.5}
    found = evaluate(
        tmp_path / "encoders.pt",
        TASKS.build({"type": "lrs2", "source": source, **options}),
        fold=0, finetune=recipe.finetune_for("lrs2"), recipe=recipe, frozen=False, seed=0,
        work_dir=tmp_path / "work", report=lambda event: None,
    )  # fmt: skip
    test = adapters.read("lrs2", root).split("test").rows
    assert found.sample_id.tolist() == test["id"].tolist()
    assert found.reference.tolist() == test["text"].tolist()
    assert found.hypothesis.dtype.kind == "U" and len(found.hypothesis) == 2
    assert found.notes == (f"decoder=ctc_{decoder}",)
    assert found.rule == "best_val" and found.steps == 4
    assert found.val is not None and np.isfinite(found.val)
