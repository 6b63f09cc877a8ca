"""The main job: plan, pretrain each encoder once, evaluate it on every task, one record a cell."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence

from rich.console import Console

from benchmark import disk, distributed, stopping, summary
from benchmark.cells import run_encoder
from benchmark.data.dataset import ClipDataset
from benchmark.data.ready import decode_all
from benchmark.launch.farm import FARMS, farm_out
from benchmark.parallel import side_by_side
from benchmark.paths import cache_dir
from benchmark.plan import Plan
from benchmark.plan_request import RunRequest
from benchmark.planning import planned
from benchmark.pretrain import pretraining_data
from benchmark.progress import RunProgress
from benchmark.results.schema import Record
from benchmark.results.store import RecordStore
from registries.distributed import world_size
from registries.task import Split

SPLITS: tuple[Split, ...] = ("train", "val", "test")


def execute(request: RunRequest) -> int:
    """Run a request and return the exit code: 0 all cells done, 1 at least one failed."""
    began = time.monotonic()
    console = Console(stderr=True)
    store = RecordStore(request.out)
    store.probe()
    plan = planned(request)
    summary.print_plan(plan, console)
    if request.dry_run:
        if request.json:
            sys.stdout.write(json.dumps(summary.as_json(plan), indent=1) + "\n")
        return 0
    records = carry_out([plan], store=store, console=console)
    return summary.print_end(
        plan, records, store=store, console=console, seconds=time.monotonic() - began
    )


def carry_out(plans: Sequence[Plan], *, store: RecordStore, console: Console) -> dict[str, Record]:
    """Run what is to run of plans that share a folder of records; the records of all cells.

    Where the launcher says; else side by side in as many processes as `jobs` says, or one after the
    other here. Raises StopRequested after SIGTERM or Ctrl-C, DiskFullError where not even a failure
    can be recorded.
    """
    with stopping.heeded(), disk.explained(store.root, cache_dir()):
        return _carry_out(plans, store=store, console=console)


def _carry_out(plans: Sequence[Plan], *, store: RecordStore, console: Console) -> dict[str, Record]:
    cells = [cell for plan in plans for cell in plan.cells]
    records = {cell.key: cell.done for cell in cells if cell.done is not None}
    work = {key: clips for plan in plans for key, clips in _work(plan).items()}
    jobs = max(plan.request.jobs or 1 for plan in plans)
    with RunProgress(work, console).running() as progress:
        _decode(plans, store, progress)
        launcher = plans[0].request.launcher
        if launcher in FARMS and len(cells) > len(records):
            return records | farm_out(plans, store=store, progress=progress)
        if jobs > 1 and len(cells) - len(records) > 1 and world_size() == 1:
            return records | side_by_side(plans, store=store, progress=progress, jobs=jobs)
        for plan in plans:
            records |= one_by_one(plan, store=store, progress=progress)
    return records


def _decode(plans: Sequence[Plan], store: RecordStore, progress: RunProgress) -> None:
    """Decode what the recipes keep decoded; a broken file is found here, before any training."""
    sets: dict[tuple[str, str, int], ClipDataset] = {}
    for plan in plans:
        for dataset in _to_decode(plan, store):
            place = dataset.manifest.content, dataset.crop.key, dataset.size
            if place not in sets:
                sets[place] = dataset
                progress.begin("", f"decode {dataset.manifest.name}")
                decode_all(dataset, jobs=plan.request.jobs, progress=progress.decoded)


def _to_decode(plan: Plan, store: RecordStore) -> Iterator[ClipDataset]:
    """What the cells of a plan read, and the encoders that are still to be trained."""
    frames = plan.datasets.store()
    if frames is None:
        return
    tasks = {(cell.task.card.name, cell.fold): cell for cell in plan.to_run}
    for cell in tasks.values():
        for split in SPLITS:
            if (cell.manifest.rows["split"] == split).any():  # some have a test part alone
                yield cell.task.dataset(split, cell.fold)
    for encoder in plan.encoders:
        if encoder.manifest is not None and not store.done(encoder.key):
            yield pretraining_data(
                encoder.objective, encoder.options, plan.recipe, encoder.manifest, store=frames
            )


def one_by_one(plan: Plan, *, store: RecordStore, progress: RunProgress) -> dict[str, Record]:
    """Every cell that is to run, in this process."""
    records: dict[str, Record] = {}
    for encoder in plan.encoders:
        if distributed.out_of_step():
            break
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
