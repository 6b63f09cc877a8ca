"""The doing of one encoder and of one cell: train or look up, evaluate, leave a record.

A failure is a record too; it costs no other cell its result. What fails while the run is being
stopped is none: a loader's worker dies of the same signal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmark import disk, distributed, stopping
from benchmark.checkpoint import forget_checkpoints
from benchmark.data import watch
from benchmark.distributed import Order
from benchmark.evaluate import evaluate
from benchmark.evaluate_frozen import FrozenJob, evaluate_frozen
from benchmark.evaluation import Evaluation
from benchmark.failures import fail
from benchmark.hooks import Report
from benchmark.memory import forget_halving
from benchmark.paths import cache_dir
from benchmark.peak_memory import forget_peak_memory
from benchmark.plan import EvalCell, Plan, PretrainCell
from benchmark.pretrain import PretrainResult, pretrain
from benchmark.progress import LastStep, Progress, clock
from benchmark.protocols import FROZEN, parse, shots
from benchmark.records import eval_record, pretrain_record, unscored_record
from benchmark.results.keys import file_sha256
from benchmark.results.running import Work, at_work
from benchmark.results.schema import Record, now
from benchmark.results.store import RecordStore
from registries.errors import NotApplicableError

ATTEMPTED = (Exception,)  # what one cell may raise without costing the others their result


def run_encoder(
    encoder: PretrainCell,
    cells: Sequence[EvalCell],
    *,
    plan: Plan,
    store: RecordStore,
    progress: Progress,
) -> dict[str, Record]:
    """Pretrain if need be, then evaluate; a failure is recorded for every cell it blocks."""
    failed = prepare_encoder(encoder, cells, plan=plan, store=store, progress=progress)
    if failed:
        return failed
    records: dict[str, Record] = {}
    for cell in cells:
        records[cell.key] = run_cell(cell, plan=plan, store=store, progress=progress)
        if records[cell.key].status == "failed" and plan.request.on_error == "stop":
            break
        if distributed.out_of_step():
            break
    return records


def prepare_encoder(
    encoder: PretrainCell,
    cells: Sequence[EvalCell],
    *,
    plan: Plan,
    store: RecordStore,
    progress: Progress,
) -> dict[str, Record]:
    """Have the encoders that `cells` need; the failures of these cells, none if all is well."""
    heard = LastStep(progress.report)
    try:
        if plan.request.encoders is None:
            with at_work(store.root, _pretraining(encoder)), _explained(store):
                _pretrained(encoder, plan=plan, store=store, progress=progress, report=heard)
    except ATTEMPTED as error:
        stopping.raise_if_asked()
        progress.close(encoder.key)
        return {
            cell.key: fail(cell, plan, error, store=store, progress=progress, step=heard.step)
            for cell in cells
        }
    return {}


def run_cell(cell: EvalCell, *, plan: Plan, store: RecordStore, progress: Progress) -> Record:
    """Evaluate encoders that are there; the record of the score, or of the failure."""
    heard = LastStep(progress.report)
    with at_work(store.root, _evaluation(cell)):
        found = None if plan.request.force else store.answered(cell.key)
        if found is not None:
            progress.say(f"{cell.label}: another process has done it meanwhile")
            return found
        try:
            with _explained(store):
                return _evaluated(cell, plan=plan, store=store, progress=progress, report=heard)
        except NotApplicableError as error:
            progress.close(cell.key)
            source = store.done(cell.encoder.key)
            record = unscored_record(
                cell, plan, status="not_applicable", source=source, warnings=[str(error)]
            )
            store.write(record)
            return record
        except ATTEMPTED as error:
            stopping.raise_if_asked()
            progress.close(cell.key)
            return fail(cell, plan, error, store=store, progress=progress, step=heard.step)


@contextmanager
def _explained(store: RecordStore) -> Iterator[None]:
    """Errors that say what is full, and which file no decoder gets through."""
    with disk.explained(store.root, cache_dir()), watch.named():
        yield


def _forget(work_dir: Path) -> None:
    """A training is recorded, or to be done again: nothing of it is to be gone on with."""
    forget_checkpoints(work_dir)
    forget_halving(work_dir)


def _pretraining(encoder: PretrainCell) -> Work:
    return Work(
        kind="pretrain",
        cell_key=encoder.key,
        objective=encoder.objective,
        seed=encoder.seed,
        data=encoder.manifest.kind if encoder.manifest else "",
    )


def _evaluation(cell: EvalCell) -> Work:
    return Work(
        kind="eval",
        cell_key=cell.key,
        objective=cell.encoder.objective,
        seed=cell.seed,
        task=cell.task.card.name,
        protocol=cell.protocol,
        modality=cell.task.inputs,
        fold=cell.fold,
        data=cell.manifest.kind,
    )


def _pretrained(
    encoder: PretrainCell, *, plan: Plan, store: RecordStore, progress: Progress, report: Report
) -> None:
    """Train the encoders, or hand them down as drawn, where their file or its record is missing."""
    work_dir = _folder(encoder, store.root) / "work"
    if not plan.request.force and _made(encoder, plan, store) is not None:
        return
    started = now()
    forget_peak_memory()
    if plan.request.force:
        _forget(work_dir)
    progress.begin(encoder.key, f"pretrain {encoder.objective} s{encoder.seed}")
    result = train_encoder(encoder, plan, root=store.root, report=report)
    store.write(pretrain_record(encoder, plan, result, started=started))
    _forget(work_dir)
    if result.steps:
        logs = "  ".join(f"{name} {value:.3f}" for name, value in result.final.items())
        progress.end(
            f"pretrained {encoder.objective} s{encoder.seed}: {result.clips} clips, "
            f"{result.steps} steps, {clock((now() - started).total_seconds())}  {logs}"
        )


def train_encoder(
    encoder: PretrainCell, plan: Plan, *, root: Path, report: Report
) -> PretrainResult:
    """Pretrain, in all processes of a distributed run. root: of the records."""
    with distributed.together(Order("pretrain", encoder.key, plan.request)):
        return pretrain(
            encoder.objective,
            encoder.options,
            recipe=plan.recipe,
            manifest=encoder.manifest,
            store=plan.datasets.store(),
            seed=encoder.seed,
            out=_folder(encoder, root),
            report=report,
        )


def encoder_path(encoder: PretrainCell, plan: Plan, root: Path) -> Path:
    """The file with the encoders, made or not. root: of the records."""
    return plan.request.encoders or _folder(encoder, root) / "encoders.pt"


def _folder(encoder: PretrainCell, root: Path) -> Path:
    return root / "encoders" / encoder.key


def _made(
    encoder: PretrainCell, plan: Plan, store: RecordStore
) -> tuple[Path, Record | None] | None:
    """The file with the encoders, and the record of how they came to be (None for imported ones).

    None where they have not been made yet.
    """
    if plan.request.encoders is not None:
        return plan.request.encoders, None
    path = encoder_path(encoder, plan, store.root)
    done = store.done(encoder.key)
    return (path, done) if done is not None and path.exists() else None


def _evaluated(
    cell: EvalCell, *, plan: Plan, store: RecordStore, progress: Progress, report: Report
) -> Record:
    made = _made(cell.encoder, plan, store)
    assert made is not None  # `prepare_encoder` came first
    path, source = made
    started, work_dir = now(), _work_dir(cell, store.root)
    forget_peak_memory()
    if plan.request.force:
        _forget(work_dir)
    progress.begin(cell.key, f"{cell.label} {cell.protocol}")
    found = evaluate_cell(cell, path, plan=plan, root=store.root, report=report)
    record = eval_record(cell, plan, found, source=source, store=store, started=started)
    store.write(record)
    _forget(work_dir)
    score = record.primary
    assert score is not None and record.task is not None
    progress.end(
        f"done {cell.label}: {record.task.primary_metric} {score.value:.1f} {score.unit} "
        f"(n={score.n}, chance {record.checks.chance:.1f}), "
        f"{clock((now() - started).total_seconds())}"
    )
    return record


def _work_dir(cell: EvalCell, root: Path) -> Path:
    return root / "work" / cell.key


def evaluate_cell(
    cell: EvalCell, path: Path, *, plan: Plan, root: Path, report: Report
) -> Evaluation:
    """By the cell's protocol: trained end to end (in all processes), or asked as they are."""
    protocol, number = parse(cell.protocol)
    if protocol in FROZEN:
        job = FrozenJob(
            encoders=path,
            source=file_sha256(path),  # not the key: --force trains anew under the same one
            task=cell.task,
            fold=cell.fold,
            protocol=cell.protocol,
            recipe=plan.recipe,
            seed=cell.seed,
            cache=cache_dir(),
            report=report,
        )
        return evaluate_frozen(job)
    with distributed.together(Order("evaluate", cell.key, plan.request)):
        return evaluate(
            path,
            cell.task,
            fold=cell.fold,
            finetune=cell.finetune,
            recipe=plan.recipe,
            frozen=cell.encoder.frozen,
            seed=cell.seed,
            work_dir=_work_dir(cell, root),
            report=report,
            shots=shots(number) if protocol == "fewshot" else None,
        )
