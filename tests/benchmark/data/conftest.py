"""Fixtures of the data tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from coded_media import noise, write_video

from benchmark.data.manifest import Manifest
from benchmark.data.rows.columns import make_rows


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds, 25 fps, 64 x 64, AAC 16 kHz."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    return write_video(path, stamps=np.arange(100) / 25, wave=noise(4, 16_000))


@pytest.fixture
def manifest_of() -> Callable[..., Manifest]:
    """Make a manifest of files under a root."""

    def make(root: Path, paths: Sequence[str], **columns: Sequence[object]) -> Manifest:
        rows = [
            {"id": path, "path": path, "split": "train", "bytes": 1}
            | {name: values[i] for name, values in columns.items()}
            for i, path in enumerate(paths)
        ]
        return Manifest(
            name="toy",
            root=root,
            rows=make_rows(rows),
            labels=("a", "b"),
            kind="full",
            version="1",
            expected=len(rows),
            missing=(),
            licence="none",
        )

    return make
