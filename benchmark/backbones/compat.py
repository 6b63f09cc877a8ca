"""The one place where mmaction2 and mmcv are touched: imports, noise, workarounds.

Pins and upstream state: mmaction2 1.1.0 with mmcv-lite 2.0.1 (1.2.0's wheel cannot be imported).
Every shim here has a test that fails on the day it is no longer needed
(tests/benchmark/backbones/test_compat.py).
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

from mmengine.model import BaseModule
from torch import nn

from registries.errors import NotReadyError

# shim 1: mmcv-lite has no compiled ops and says so on every import; no adapter here uses them
LITE_WARNING = r"Fail to import ``MultiScaleDeformableAttention``"


def mmaction_models() -> Any:  # noqa: ANN401
    """The package `mmaction.models`, which registers its backbones, imported without noise.

    Raises NotReadyError with the command that installs it.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=LITE_WARNING, category=UserWarning)
            import mmaction.models as models
    except ImportError as error:
        raise NotReadyError(
            f"this backbone needs mmaction2, which cannot be imported here ({error}). Install it "
            "with "
            "`pip install mmaction2==1.1.0 mmcv-lite==2.0.1`, or choose a backbone that needs "
            "neither: "
            "r3d_18, mc3_18, r2plus1d_18, r2plus1d_18_avid, resnet1d_18."
        ) from error
    return models


def initialise(model: nn.Module) -> None:
    """Draw the weights of an mmengine or mmaction2 backbone at construction, once.

    Shim 2: both leave torch's default initialisation in place until somebody calls `init_weights`,
    so a backbone that is evaluated without training would not be the one its config describes. The
    call lists every parameter on the terminal; that is held back.
    """
    if not isinstance(model, BaseModule):
        return
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        model.init_weights()
    finally:
        logging.disable(before)
    model.is_init = True  # mmaction2's own init_weights forget it; the Runner would draw again
