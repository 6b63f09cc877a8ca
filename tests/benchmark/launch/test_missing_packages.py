"""Launchers are extras: without their package the error says how to install it."""

from __future__ import annotations

import sys

import pytest

from benchmark.launch.farm import FARMS
from registries.errors import NotReadyError, UsageError


@pytest.mark.parametrize(("launcher", "package"), [("slurm", "submitit"), ("ray", "ray")])
def test_a_package_that_is_not_there_is_named_with_its_extra(
    monkeypatch, tmp_path, launcher, package
):
    monkeypatch.setitem(sys.modules, package, None)  # importing it raises ImportError
    with pytest.raises(NotReadyError) as raised:
        FARMS[launcher](tmp_path, {})
    assert f"--launcher {launcher} needs" in str(raised.value)
    assert f"pip install 'avssl-bench[{launcher}]'" in str(raised.value)
    assert raised.value.exit_code == 3


@pytest.mark.parametrize(("launcher", "package"), [("slurm", "submitit"), ("ray", "ray")])
def test_an_option_that_is_not_known_comes_with_those_that_are(tmp_path, launcher, package):
    pytest.importorskip(package, reason=f"pip install 'avssl-bench[{launcher}]'")
    options = {"cluster": "local", "gpsu": "1"} if launcher == "slurm" else {"gpsu": "1"}
    with pytest.raises(UsageError, match=r"(?s)gpsu.*Known.*gpus"):
        FARMS[launcher](tmp_path, options)
