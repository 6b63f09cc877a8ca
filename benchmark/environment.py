"""What a record says about software and machine."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from benchmark.paths import CHECKOUT
from benchmark.results.schema import Env
from benchmark.training import device_name

PACKAGES = (
    "torch",
    "torchvision",
    "torchaudio",
    "mmengine",
    "mmaction2",
    "av",
    "numpy",
    "avssl-bench",
)


@cache
def environment() -> Env:
    """Versions and device; the host is hashed, not named."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    sha, dirty = _git()
    return Env(
        versions=versions,
        git_sha=sha,
        dirty=dirty,
        device=device_name(),
        host_hash=hashlib.sha256(platform.node().encode()).hexdigest()[:16],
    )


def _git() -> tuple[str | None, bool | None]:
    """Commit of the checkout this runs from, or nothing in an installed wheel."""
    if not (CHECKOUT / ".git").exists():
        return None, None
    try:
        sha = _ask("rev-parse", "HEAD")
        return sha, bool(_ask("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return None, None


def _ask(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout.strip()
