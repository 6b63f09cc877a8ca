"""`bench perf index`: a manifest of ten million rows, from its file to the first batch.

    here                 rows named as YouTube clips are, all "train", sharing the files of a
                         generated set, unhashed; written as `bench data prepare` writes them
    in a fresh process   imports, opening, all that a pretraining of GLCM does up to its first batch

The process reads `kav` as a run does: files looked for, split, key, loader. Clips are decoded: no
frames are kept from before.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmark.data import adapters
from benchmark.data.manifest import Manifest, Origin
from benchmark.data.miniature.build import ensure
from benchmark.data.rows import trust
from benchmark.data.rows.arrow_form import TEXT
from benchmark.data.rows.columns import COLUMNS, DEFAULTS
from benchmark.datasets import Datasets
from benchmark.paths import cache_dir
from benchmark.plan_request import RunRequest
from benchmark.pretrain import pretraining_data
from benchmark.settings import load_recipe
from benchmark.training import train_loader
from registries.errors import NotReadyError

ROWS, BATCH = 10_000_000, 32
DATASET, MINIATURE, OBJECTIVE = "kav", "mini-kav", "glcm"
ALPHABET = np.frombuffer(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", np.uint8
)
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd: another number for every number below 2**64
SEGMENTS = 3  # rows of one video; chosen
MEMORY = Path("/proc/self")
# seconds and MB at most, for ROWS rows on two cores
LIMITS: Mapping[str, float] = {"opened_s": 2.0, "first_batch_s": 5.0, "peak_mb": 1500.0}


@dataclass(frozen=True)
class IndexCost:
    """What a manifest of `rows` rows costs a process that trains on it.

    file_mb: of the manifest. opened_s: to open it. first_batch_s: from the start of the process,
    imports_s of it for imports, to a batch of 32; cpu_s of processor time, which a busy machine
    does not stretch. peak_mb: the most that was resident.
    anonymous_mb: at the end, without what is mapped from files; bare_mb: the same after imports.
    """

    rows: int
    file_mb: float
    written_s: float
    imports_s: float
    opened_s: float
    first_batch_s: float
    cpu_s: float
    peak_mb: float
    anonymous_mb: float
    bare_mb: float

    @property
    def above(self) -> tuple[str, ...]:
        """Figures above their limits."""
        return tuple(name for name, limit in LIMITS.items() if getattr(self, name) > limit)

    def facts(self) -> dict[str, object]:
        """For JSON: the figures, limits, and which are above theirs."""
        return {**asdict(self), "limits": dict(LIMITS), "above": self.above}


def measure(rows: int = ROWS) -> IndexCost:
    """Write a manifest of `rows` rows and measure a fresh process that reads it.

    Raises NotReadyError where the process fails, or the system does not say what memory it takes.
    """
    if not (MEMORY / "smaps_rollup").exists():
        raise NotReadyError(f"{MEMORY}/smaps_rollup is not there: this is measured on Linux alone")
    root = ensure(MINIATURE, tier="ci", cache=cache_dir())
    with tempfile.TemporaryDirectory() as folder:
        begun, path = time.perf_counter(), Path(folder, "synthetic.arrow")
        synthetic(adapters.read(DATASET, root), rows).write(path)
        written = time.perf_counter() - begun
        call = [sys.executable, "-m", __name__, str(path), str(time.time())]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        trust.forget(path)
        if done.returncode:
            raise NotReadyError(f"the measured process has failed: {done.stderr[-2000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        return IndexCost(rows, path.stat().st_size / 1e6, written, **found)


def synthetic(clips: Manifest, rows: int) -> Manifest:
    """`rows` rows named as YouTube clips are, with the files of `clips` in turn; all "train"."""
    number = np.arange(rows, dtype=np.uint64)
    videos, segment = _names(number // SEGMENTS), (number % SEGMENTS).astype(np.int64)
    begins = np.array([f"_{10 * place:06d}" for place in range(SEGMENTS)], "S7")
    file = np.arange(rows) % len(clips)
    filled = {
        "id": _text(np.hstack([videos, begins.view(np.uint8).reshape(SEGMENTS, -1)[segment]])),
        "path": clips.rows["path"].array.take(file),
        "split": "train",
        "group": _text(videos),
        "bytes": clips.rows["bytes"].to_numpy()[file],
        "has_audio": True,
        "seconds": 3.0 + file / 1000,
    }
    made = pd.DataFrame({**DEFAULTS, **filled}, index=range(rows))[list(COLUMNS)]
    return Manifest(
        name="synthetic",
        root=clips.root,
        rows=made.astype(COLUMNS),
        labels=(),
        kind="full",
        version="1",
        expected=rows,
        missing=(),
        licence=clips.licence,
        origin=Origin(DATASET, {}),
    )


def _names(number: np.ndarray) -> np.ndarray:
    """Names as YouTube gives them, another for every number: (len, 11) characters as bytes."""
    spread = number * SPREAD
    names = np.empty((len(number), 11), np.uint8)
    for place in range(11):
        names[:, place] = ALPHABET[(spread >> np.uint64(6 * place)) & np.uint64(63)]
    return names


def _text(letters: np.ndarray) -> Any:  # noqa: ANN401 - an array of pandas
    """A column of texts of one length from their characters, (rows, length) bytes."""
    rows, length = letters.shape
    ends = pa.py_buffer(np.arange(rows + 1, dtype=np.int64) * length)
    return TEXT.__from_arrow__(pa.LargeStringArray.from_buffers(rows, ends, pa.py_buffer(letters)))


def first_batch(path: Path, *, begun: float) -> dict[str, float]:
    """What `IndexCost` says of this process, which has started at `begun` (seconds of `time`)."""
    imports, bare = time.time() - begun, _memory("smaps_rollup", "Anonymous")
    before = time.perf_counter()
    Manifest.read(path)
    opened = time.perf_counter() - before
    request = RunRequest(
        objectives=(OBJECTIVE,),
        tasks=(),
        data={DATASET: path},
        pretrain_data=DATASET,
        overrides=(f"pretrain.batch_size={BATCH}", "frame_cache=False"),
    )
    recipe = load_recipe(request.preset, objectives=(OBJECTIVE,), overrides=request.overrides)
    manifest = Datasets(request, recipe).pretraining()
    len(manifest.hash)  # a part of the key of what is trained
    options = recipe.objectives.get(OBJECTIVE, {})
    clips = pretraining_data(OBJECTIVE, options, recipe, manifest, store=None)
    batch = next(iter(train_loader(clips, recipe.pretrain, seed=0, workers=recipe.workers)))
    assert len(batch["data_samples"]["index"]) == BATCH
    return {
        "imports_s": imports,
        "opened_s": opened,
        "first_batch_s": time.time() - begun,
        "cpu_s": time.process_time(),
        "peak_mb": _memory("status", "VmHWM"),
        "anonymous_mb": _memory("smaps_rollup", "Anonymous"),
        "bare_mb": bare,
    }


def _memory(file: str, name: str) -> float:
    """A figure of this process, MB."""
    lines = (MEMORY / file).read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1000


if __name__ == "__main__":
    sys.stdout.write(json.dumps(first_batch(Path(sys.argv[1]), begun=float(sys.argv[2]))))
