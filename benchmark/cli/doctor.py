"""`bench doctor`: tries what a run needs on this machine, and says how to mend what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmark import __version__
from benchmark.cli.output import show_json, show_table
from benchmark.paths import cache_dir, packaged

REQUIRED = ("torch", "torchvision", "torchaudio", "mmengine", "av", "librosa", "numpy", "pydantic")
NEEDED_GB = 2.0  # chosen: a base miniature of every set and a few checkpoints
NOT_READY = 3
FPS, TONE = 25, 440  # of the clip that is decoded; Hz


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding. state: ok, note (runs without it) or missing (a run would fail)."""

    name: str
    state: Literal["ok", "note", "missing"]
    found: str
    mend: str = ""


def doctor(
    *,
    out: Annotated[Path, typer.Option(help="Folder the records will go to.")] = Path(
        "results/runs"
    ),
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Check versions, device, decoding and write access. Exit 3 where a run would fail."""
    checks = list(examine(out))
    ready = all(check.state != "missing" for check in checks)
    if json:
        show_json({"ready": ready, "checks": [asdict(check) for check in checks]})
        return 0 if ready else NOT_READY
    show_table(
        [
            {
                "state": check.state,
                "check": check.name,
                "found": check.found + (f" -> {check.mend}" if check.mend else ""),
            }
            for check in checks
        ]
    )
    typer.echo("ready" if ready else "not ready: mend what is marked missing")
    return 0 if ready else NOT_READY


def examine(out: Path) -> Iterator[Check]:
    """Every check in turn; one that breaks in an unforeseen way is reported, not raised."""
    yield Check(
        name="bench",
        state="ok",
        found=f"{__version__}, Python {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores",
    )
    for package in REQUIRED:
        yield _package(package)
    yield from _tried("mmaction2", mmaction2)
    yield from _tried("device", device)
    yield from _tried("decode", decode)
    yield from _tried("packaged files", packaged_files)
    yield writable("cache", cache_dir(), variable="BENCH_CACHE")
    yield writable("records", out, variable="--out")


def _tried(name: str, check: Callable[[], Check]) -> Iterator[Check]:
    try:
        yield check()
    except Exception as error:  # any failure of a library is what this command is there to report
        yield Check(
            name=name,
            state="missing",
            found=f"{type(error).__name__}: {error}",
            mend="reinstall the package in a fresh environment",
        )


def _package(name: str) -> Check:
    try:
        return Check(name=name, state="ok", found=version(name))
    except PackageNotFoundError:
        return Check(name=name, state="missing", found="not installed", mend=f"pip install {name}")


def mmaction2() -> Check:
    """mmaction2 is optional: only its own backbones need it."""
    try:
        with warnings.catch_warnings():  # mmcv-lite warns of operators that nothing here uses
            warnings.simplefilter("ignore")
            import mmaction.models  # noqa: F401 - 1.2.0 installs and cannot be imported
    except (ImportError, AssertionError) as error:
        return Check(
            name="mmaction2",
            state="note",
            found=f"cannot be imported ({error}); only its own backbones are unavailable",
            mend="pip install mmaction2==1.1.0 mmcv-lite==2.0.1 (Linux x86-64)",
        )
    return Check(name="mmaction2", state="ok", found=version("mmaction2"))


def device() -> Check:
    """The device torch would train on."""
    import torch

    if not torch.cuda.is_available():
        return Check(
            name="device", state="note", found=f"CPU only, {torch.get_num_threads()} threads"
        )
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    precision = "bf16" if torch.cuda.is_bf16_supported() else "no bf16"
    return Check(
        name="device",
        state="ok",
        found=f"{len(names)} x {names[0]}, CUDA {torch.version.cuda}, {precision}",
    )


def decode() -> Check:
    """Write a clip with sound as the miniatures do, and read it back as the harness does."""
    import numpy as np

    from benchmark.data import reader
    from benchmark.data.miniature.clip import SAMPLE_RATE, SIZE, MiniClip
    from benchmark.data.miniature.media import write_clip

    ramp = np.linspace(32, 224, FPS)  # one second that grows brighter, under a tone
    picture = np.broadcast_to(ramp[:, None, None, None], (FPS, SIZE, SIZE, 3)).astype(np.uint8)
    tone = 0.5 * np.sin(2 * np.pi * TONE * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    clip = MiniClip(frames=picture, fps=FPS, wave=tone.astype(np.float32), crf=23, latents={})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(path, clip)
        read = reader.read_all(path)
    if len(read.frames) != FPS or len(read.wave) < 0.95 * SAMPLE_RATE:
        found = f"{len(read.frames)} of {FPS} frames, {len(read.wave)} of {SAMPLE_RATE} samples"
        return Check(name="decode", state="missing", found=found, mend="pip install av==18.*")
    light = float(np.abs(read.frames.mean(axis=(1, 2, 3)) - ramp).max())
    spectrum = np.abs(np.fft.rfft(read.wave[:SAMPLE_RATE], SAMPLE_RATE))  # 1 Hz a bin
    pitch = int(spectrum.argmax())
    if light > 8 or abs(pitch - TONE) > 2:  # chosen: codec noise is below 3 grey levels and 1 Hz
        found = f"brightness off by {light:.0f} of 255, a tone of {TONE} Hz came back as {pitch} Hz"
        return Check(name="decode", state="missing", found=found, mend="pip install av==18.*")
    return Check(name="decode", state="ok", found=f"H.264 and AAC, {FPS} frames with sound")


def packaged_files() -> Check:
    """Presets and published numbers travel with the package."""
    presets = len(list((packaged("configs") / "presets").glob("*.py")))
    tables = len(list(packaged("results/published").glob("*.csv")))
    if presets and tables:
        found = f"{presets} presets, {tables} tables of published numbers"
        return Check(name="packaged files", state="ok", found=found)
    return Check(
        name="packaged files",
        state="missing",
        found=f"{presets} presets, {tables} tables of published numbers",
        mend="reinstall the package: the installation is incomplete",
    )


def writable(name: str, folder: Path, *, variable: str) -> Check:
    """Write a probe file, read it back, remove it, where the folder is or would be made."""
    mend = f"free some space or set {variable} to a writable folder"
    try:
        place = next(near for near in (folder, *folder.absolute().parents) if near.exists())
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"probe")
            probe.seek(0)
            same = probe.read() == b"probe"
        free = shutil.disk_usage(place).free / 1e9
    except OSError as error:
        return Check(name=name, state="missing", found=f"{folder}: {error.strerror}", mend=mend)
    if not same:
        return Check(
            name=name, state="missing", found=f"{folder}: reads back other bytes", mend=mend
        )
    low = free < NEEDED_GB
    return Check(
        name=name,
        state="note" if low else "ok",
        found=f"{folder}, {free:.0f} GB free",
        mend=mend if low else "",
    )
