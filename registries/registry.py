"""The registries. Names travel as strings.

Building a name imports the one module that registers it.

OBJECTIVES hangs under mmengine's MODELS (the stock Runner builds models through it); BACKBONES and
TASKS stand alone. The other children exist so that mmengine finds this scope complete and stays
silent.
"""

from __future__ import annotations

import copy
from typing import Any

from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmengine.registry import Registry

from registries import plugins

SCOPE = "registries"


def _build(config: dict[str, Any], *, registry: Registry, kind: plugins.Kind) -> Any:  # noqa: ANN401
    """Build `config["type"]` with the other entries as keywords."""
    options = dict(config)
    name = options.pop("type")
    found = registry.module_dict.get(name)
    if found is None:
        plugins.load(kind, name)
        found = registry.module_dict[name]
    return found(**options)


def _build_objective(config: dict[str, Any], registry: Registry, **_: object) -> Any:  # noqa: ANN401
    return _build(config, registry=registry, kind="objectives")


def _build_task(config: dict[str, Any], registry: Registry, **_: object) -> Any:  # noqa: ANN401
    return _build(config, registry=registry, kind="tasks")


def _build_backbone(config: dict[str, Any], registry: Registry, **_: object) -> Any:  # noqa: ANN401
    """Build an encoder and remember its config, so that `encoders.pt` can carry it.

    A dotted type ("mmaction.ResNet3dSlowOnly") names a backbone registered with mmengine elsewhere.
    """
    plain = copy.deepcopy(dict(config))
    if "." in plain["type"]:
        plain = {"type": "registered", "model": plain}
    encoder = _build(plain, registry=registry, kind="backbones")
    encoder.config = plain
    return encoder


OBJECTIVES = Registry("objective", parent=ROOT_MODELS, scope=SCOPE, build_func=_build_objective)
BACKBONES = Registry("backbone", scope=SCOPE, build_func=_build_backbone)
TASKS = Registry("task", scope=SCOPE, build_func=_build_task)
DATASETS = Registry("dataset", parent=ROOT_DATASETS, scope=SCOPE)
METRICS = Registry("metric", parent=ROOT_METRICS, scope=SCOPE)
HOOKS = Registry("hook", parent=ROOT_HOOKS, scope=SCOPE)
TRANSFORMS = Registry("transform", parent=ROOT_TRANSFORMS, scope=SCOPE)
