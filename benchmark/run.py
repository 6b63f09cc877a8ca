"""The main job: plan, pretrain each encoder once, evaluate it on every task, one record a cell."""

from __future__ import annotations

import json
import sys
import time
import traceback
from pathlib import Path

from rich.console import Console

from benchmark import summary
from benchmark.data.ready import decode_all
from benchmark.evaluate import evaluate
from benchmark.evaluate_frozen import FrozenJob, evaluate_frozen
from benchmark.evaluation import Evaluation
from benchmark.hooks import Report, forget_checkpoints
from benchmark.in_use import versions_in_use
from benchmark.paths import cache_dir
from benchmark.plan import EvalCell, Plan, PretrainCell, make_plan, resolve
from benchmark.plan_request import RunRequest
from benchmark.pretrain import pretrain, pretraining_data
from benchmark.progress import RunProgress, clock
from benchmark.protocols import FROZEN, parse, shots
from benchmark.records import eval_record, failure_record, pretrain_record
from benchmark.report import build, render_terminal
from benchmark.results.schema import Record, now
from benchmark.results.store import RecordStore
from registries.errors import BenchError
from registries.task import Split

SPLITS: tuple[Split, ...] = ("train", "val", "test")
ATTEMPTED = (Exception,)  # what one cell may raise without costing the others their result


def execute(request: RunRequest) -> int:
    """Run a request and return the exit code: 0 all cells done, 1 at least one failed."""
    began = time.monotonic()
    console = Console(stderr=True)
    store = RecordStore(request.out)
    store.probe()
    recipe, cards = resolve(request)
    plan = make_plan(request, recipe, cards, store)
    summary.print_plan(plan, console)
    if request.dry_run:
        if request.json:
            sys.stdout.write(json.dumps(summary.as_json(plan), indent=1) + "\n")
        return 0
    records = {cell.key: cell.done for cell in plan.cells if cell.done is not None}
    with RunProgress(_work(plan), console).running() as progress:
        _decode(plan, store, progress)
        for encoder in _encoders(plan):
            cells = [cell for cell in plan.to_run if cell.encoder.key == encoder.key]
            records |= _run_encoder(encoder, cells, plan=plan, store=store, progress=progress)
            if request.on_error == "stop" and any(r.status == "failed" for r in records.values()):
                break
    return _finish(plan, records, store=store, console=console, seconds=time.monotonic() - began)


def _decode(plan: Plan, store: RecordStore, progress: RunProgress) -> None:
    """Decode what the recipe keeps decoded; a broken file is found here, before any training."""
    frames = plan.datasets.store()
    if frames is None:
        return
    tasks = {(cell.task.card.name, cell.fold): cell for cell in plan.to_run}
    sets = [
        cell.task.dataset(split, cell.fold)
        for cell in tasks.values()
        for split in SPLITS
        if (cell.manifest.rows["split"] == split).any()  # some have a test part alone
    ]
    for encoder in _encoders(plan):
        if encoder.manifest is not None and not store.done(encoder.key):
            sets += [
                pretraining_data(
                    encoder.objective, encoder.options, plan.recipe, encoder.manifest, store=frames
                )
            ]
    for dataset in sets:
        progress.begin("", f"decode {dataset.manifest.name}")
        decode_all(dataset, jobs=plan.request.jobs, progress=progress.decoded)


def _encoders(plan: Plan) -> list[PretrainCell]:
    """Encoders that cells still to be run need, each once, in order."""
    return list({cell.encoder.key: cell.encoder for cell in plan.to_run}.values())


def _run_encoder(
    encoder: PretrainCell,
    cells: list[EvalCell],
    *,
    plan: Plan,
    store: RecordStore,
    progress: RunProgress,
) -> dict[str, Record]:
    """Pretrain if need be, then evaluate; a failure is recorded for every cell it blocks."""
    records: dict[str, Record] = {}
    try:
        path, source = _have_encoders(encoder, plan=plan, store=store, progress=progress)
    except ATTEMPTED as error:
        for cell in cells:
            records[cell.key] = _fail(cell, plan, error, store=store, progress=progress)
        return records
    for cell in cells:
        try:
            records[cell.key] = _run_cell(
                cell, path, source, plan=plan, store=store, progress=progress
            )
        except ATTEMPTED as error:
            records[cell.key] = _fail(cell, plan, error, store=store, progress=progress)
            if plan.request.on_error == "stop":
                break
    return records


def _have_encoders(
    encoder: PretrainCell, *, plan: Plan, store: RecordStore, progress: RunProgress
) -> tuple[Path, Record | None]:
    """The file with the encoders and the record of how they came to be (None for imported ones)."""
    if plan.request.encoders is not None:
        return plan.request.encoders, None
    out = store.root / "encoders" / encoder.key
    path, done = out / "encoders.pt", store.done(encoder.key)
    if done is not None and path.exists() and not plan.request.force:
        return path, done
    started = now()
    if plan.request.force:
        forget_checkpoints(out / "work")
    progress.begin(encoder.key, f"pretrain {encoder.objective} s{encoder.seed}")
    result = pretrain(
        encoder.objective,
        encoder.options,
        recipe=plan.recipe,
        manifest=encoder.manifest,
        store=plan.datasets.store(),
        seed=encoder.seed,
        out=out,
        report=progress.report,
    )
    record = pretrain_record(encoder, plan, result, started=started)
    store.write(record)
    forget_checkpoints(out / "work")
    if result.steps:
        logs = "  ".join(f"{name} {value:.3f}" for name, value in result.final.items())
        progress.end(
            f"pretrained {encoder.objective} s{encoder.seed}: {result.clips} clips, "
            f"{result.steps} steps, "
            f"{clock((now() - started).total_seconds())}  {logs}"
        )
    return path, record


def _run_cell(
    cell: EvalCell,
    path: Path,
    source: Record | None,
    *,
    plan: Plan,
    store: RecordStore,
    progress: RunProgress,
) -> Record:
    started, work_dir = now(), store.root / "work" / cell.key
    if plan.request.force:
        forget_checkpoints(work_dir)
    progress.begin(cell.key, f"{cell.label} {cell.protocol}")
    found = _evaluate(cell, path, plan=plan, work_dir=work_dir, report=progress.report)
    record = eval_record(cell, plan, found, source=source, store=store, started=started)
    store.write(record)
    forget_checkpoints(work_dir)
    score = record.primary
    assert score is not None and record.task is not None
    progress.end(
        f"done {cell.label}: {record.task.primary_metric} {score.value:.1f} {score.unit} "
        f"(n={score.n}, chance {record.checks.chance:.1f}), "
        f"{clock((now() - started).total_seconds())}"
    )
    return record


def _evaluate(
    cell: EvalCell, path: Path, *, plan: Plan, work_dir: Path, report: Report
) -> Evaluation:
    """By the cell's protocol: trained end to end, or asked as they are."""
    protocol, number = parse(cell.protocol)
    if protocol in FROZEN:
        job = FrozenJob(
            encoders=path,
            source=cell.encoder.key,
            task=cell.task,
            fold=cell.fold,
            protocol=cell.protocol,
            recipe=plan.recipe,
            seed=cell.seed,
            cache=cache_dir(),
            report=report,
        )
        return evaluate_frozen(job)
    return evaluate(
        path,
        cell.task,
        fold=cell.fold,
        finetune=cell.finetune,
        recipe=plan.recipe,
        frozen=cell.encoder.frozen,
        seed=cell.seed,
        work_dir=work_dir,
        report=report,
        shots=shots(number) if protocol == "fewshot" else None,
    )


def _fail(
    cell: EvalCell, plan: Plan, error: Exception, *, store: RecordStore, progress: RunProgress
) -> Record:
    """Record a failure and say it in one paragraph."""
    attempt = len(store.failures(cell.key)) + 1
    text = "".join(traceback.format_exception(error))
    source = store.done(cell.encoder.key)  # None where the failure was in pretraining itself
    record = failure_record(cell, plan, error, source=source, text=text, attempt=attempt)
    store.write(record)
    reason = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
    progress.say(f"FAILED {cell.label}: {reason}")
    return record


def _work(plan: Plan) -> dict[str, float]:
    """Clips each phase will see; pretraining counts double, as it runs two or three encoders."""
    work = {}
    for encoder in _encoders(plan):
        if encoder.trains and encoder.manifest is not None:
            recipe = plan.recipe.pretrain
            work[encoder.key] = 2.0 * len(encoder.manifest) * recipe.epochs * recipe.clips_per_video
    for cell in plan.to_run:
        videos = int((cell.manifest.rows["split"] == "train").sum())
        work[cell.key] = float(videos * cell.finetune.epochs * cell.finetune.clips_per_video)
    return work


def _finish(
    plan: Plan, records: dict[str, Record], *, store: RecordStore, console: Console, seconds: float
) -> int:
    """The score table, what failed and how to retry it; the exit code."""
    failed = [
        cell for cell in plan.cells if cell.key in records and records[cell.key].status != "done"
    ]
    done = [
        cell for cell in plan.cells if cell.key in records and records[cell.key].status == "done"
    ]
    cached = [cell for cell in plan.cells if cell.done is not None]
    code = 1 if len(done) < len(plan.cells) else 0
    if plan.request.json:
        found = {
            "cells": {
                cell.label: json.loads(records[cell.key].to_json())
                for cell in plan.cells
                if cell.key in records
            },
            "done": len(done),
            "failed": len(failed),
            "cached": len(cached),
            "exit": code,
        }
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        # the objectives table; `bench report` prints the others
        render_terminal(build(store, current=versions_in_use(store.read_all()))[:1])
    from_records = f", {len(cached)} answered from the records" if cached else ""
    console.print(
        f"{len(done)} of {len(plan.cells)} cells done{from_records}, {len(failed)} failed · "
        f"{clock(seconds)} · exit {code} · records in {store.root}",
        highlight=False,
        soft_wrap=True,
    )
    if code:
        console.print("Run the same command again: only what is missing runs.", highlight=False)
    return code
