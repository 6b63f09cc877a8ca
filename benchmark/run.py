"""The main job: plan, pretrain each encoder once, evaluate it on every task, one record a cell."""

from __future__ import annotations

import json
import sys
import time

from rich.console import Console

from benchmark import summary
from benchmark.cells import run_encoder
from benchmark.data.ready import decode_all
from benchmark.parallel import side_by_side
from benchmark.plan import Plan, make_plan, resolve
from benchmark.plan_request import RunRequest
from benchmark.pretrain import pretraining_data
from benchmark.progress import RunProgress
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore
from registries.task import Split

SPLITS: tuple[Split, ...] = ("train", "val", "test")


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
        if (request.jobs or 1) > 1 and len(plan.to_run) > 1:
            records |= side_by_side([plan], store=store, progress=progress, jobs=request.jobs or 1)
        else:
            records |= one_by_one(plan, store=store, progress=progress)
    return summary.print_end(
        plan, records, store=store, console=console, seconds=time.monotonic() - began
    )


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
    for encoder in plan.encoders:
        if encoder.manifest is not None and not store.done(encoder.key):
            sets += [
                pretraining_data(
                    encoder.objective, encoder.options, plan.recipe, encoder.manifest, store=frames
                )
            ]
    for dataset in sets:
        progress.begin("", f"decode {dataset.manifest.name}")
        decode_all(dataset, jobs=plan.request.jobs, progress=progress.decoded)


def one_by_one(plan: Plan, *, store: RecordStore, progress: RunProgress) -> dict[str, Record]:
    """Every cell that is to run, in this process."""
    records: dict[str, Record] = {}
    for encoder in plan.encoders:
        cells = [cell for cell in plan.to_run if cell.encoder.key == encoder.key]
        records |= run_encoder(encoder, cells, plan=plan, store=store, progress=progress)
        if plan.request.on_error == "stop" and any(r.status == "failed" for r in records.values()):
            break
    return records


def _work(plan: Plan) -> dict[str, float]:
    """Clips each phase will see; pretraining counts double, as it runs two or three encoders."""
    work = {}
    for encoder in plan.encoders:
        if encoder.trains and encoder.manifest is not None:
            recipe = plan.recipe.pretrain
            work[encoder.key] = 2.0 * len(encoder.manifest) * recipe.epochs * recipe.clips_per_video
    for cell in plan.to_run:
        videos = int((cell.manifest.rows["split"] == "train").sum())
        work[cell.key] = float(videos * cell.finetune.epochs * cell.finetune.clips_per_video)
    return work
