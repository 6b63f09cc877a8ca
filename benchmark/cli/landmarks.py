"""`bench data landmarks`: where the faces of a dataset's clips are."""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli.output import show_table
from registries.errors import NotReadyError, UsageError, VerificationError

if TYPE_CHECKING:
    from benchmark.data.landmarks.make import Made, Provider

SHOWN = 20  # clips without landmarks printed one by one


class ProviderName(StrEnum):
    """Who says where a face is."""

    YUNET = "yunet"
    FACE_ALIGNMENT = "face_alignment"
    PRECOMPUTED = "precomputed"


def landmarks(
    name: Annotated[str, typer.Argument(help="A dataset; `bench data verify` reads the same.")],
    *,
    root: Annotated[Path, typer.Option(help="Its root, in the owners' layout.")],
    provider: Annotated[ProviderName, typer.Option(help="Who finds the faces.")],
    model: Annotated[Path | None, typer.Option(help="ONNX file, for yunet.")] = None,
    files: Annotated[
        Path | None,
        typer.Option(help="Folder of .npy, .pkl or .csv, for precomputed; ROOT/landmarks."),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=0.1, help="Pictures looked at a second (faces: 5); every one."),
    ] = None,
    device: Annotated[str, typer.Option(help="For face_alignment: cpu or cuda.")] = "cpu",
    jobs: Annotated[int | None, typer.Option(min=1, help="Threads; all cores if left out.")] = None,
) -> None:
    """Write landmarks for every clip, for the crops on lips and faces. Exit 5 if clips lack them.

    They go to ROOT/landmarks, or into the cache where ROOT takes no files, with their provider and
    failure rate (crop_meta.json). An interrupted run goes on where it stopped.
    """
    from benchmark.data import adapters
    from benchmark.data.landmarks.make import make

    if not root.is_dir():
        raise NotReadyError(f"--root {root} is not a folder. Give the folder the dataset lies in.")
    _check_options(provider, model=model, files=files, fps=fps)
    manifest = adapters.read(name, root)
    source = _provider(
        provider,
        model=model,
        files=files or manifest.root / "landmarks",
        fps=fps,
        device=device,
    )
    settings: dict[str, Any] = {} if provider is ProviderName.PRECOMPUTED else {"fps": fps}
    with typer.progressbar(length=manifest.rows["path"].nunique(), file=sys.stderr) as bar:
        made = make(
            manifest, source, settings=settings, jobs=jobs, progress=lambda *_: bar.update(1)
        )
    _show(name, made)


def _check_options(
    provider: ProviderName, *, model: Path | None, files: Path | None, fps: float | None
) -> None:
    """Each option belongs to a provider."""
    if provider is ProviderName.YUNET and model is None:
        from benchmark.data.landmarks.yunet import WHERE

        raise UsageError(f"provider 'yunet' needs --model FILE: get {WHERE}")
    if provider is not ProviderName.YUNET and model is not None:
        raise UsageError(f"--model is for provider 'yunet', not {provider.value!r}; leave it out")
    precomputed = provider is ProviderName.PRECOMPUTED
    if files is not None and not precomputed:
        raise UsageError(
            f"--files is for provider 'precomputed', not {provider.value!r}; leave it out"
        )
    if fps is not None and precomputed:
        raise UsageError("--fps is for detectors; provider 'precomputed' looks at no picture")


def _provider(
    name: ProviderName, *, model: Path | None, files: Path, fps: float | None, device: str
) -> Provider:
    """The provider of this name, ready to be asked."""
    from benchmark.data.landmarks.fan import FaceAlignment
    from benchmark.data.landmarks.files import Files
    from benchmark.data.landmarks.tracking import Tracked
    from benchmark.data.landmarks.yunet import YuNet

    if name is ProviderName.PRECOMPUTED:
        return Files(files)
    if name is ProviderName.FACE_ALIGNMENT:
        shared = FaceAlignment(device=device)
        return Tracked(lambda: shared, fps=fps)
    return Tracked(partial(YuNet, model or Path()), fps=fps)


def _show(name: str, made: Made) -> None:
    """What was written, and every clip that has none."""
    show_table(
        [
            {
                "clips": str(len(made.rates)),
                "with landmarks": str(len(made.rates) - len(made.without)),
                "frames missed": f"{made.failure_rate:.1%}",
                "folder": str(made.folder),
            }
        ]
    )
    for path, reason in list(made.without.items())[:SHOWN]:
        typer.echo(f"{path}: {reason}")
    if made.without:
        rest = f" (the first {SHOWN} are shown)" if len(made.without) > SHOWN else ""
        raise VerificationError(
            f"{name}: {len(made.without)} of {len(made.rates)} clips have no landmarks{rest}; all "
            f"are listed in {made.folder / 'crop_meta.json'}. The crops 'lip' and 'face' refuse "
            "them: put landmarks for them there by hand, or take the clips out of the root."
        )
