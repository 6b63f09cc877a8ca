"""The contract every objective keeps, as small checks over synthetic clips and encoders.

    run_checks("glcm")                  -> an Outcome a check; `bench check glcm` prints them
    check_gradients("glcm")             raises AssertionError, which says what to mend
    check_state(MyObjective, length=8)  a class will do, options are the constructor's

An objective that cannot keep one says so beside its class, with the reason:
`expected_failures = {"check_batch_sizes": "a batch of one has no negatives"}`. A declared check
that passes is a failure too. Those that train are in `registries.checks_training`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from registries.check_base import (
    CLIP_LEN,
    CLIP_SECONDS,
    PHASES,
    Check,
    Outcome,
    Subject,
    check,
    outcomes,
    step,
)
from registries.checks_training import (
    check_batch_sizes,
    check_gradients,
    check_learning,
    check_losses,
    check_permutation,
    check_runner,
    check_state,
)
from registries.encoder import Encoder
from registries.objective import Objective
from registries.registry import BACKBONES
from registries.sampling import ClipSampling

DRAWS = 20  # chosen: drawn arrangements of views that are looked at
READS = {"index", "id", "times"}  # of data_samples; the rest belongs to tasks
LEAVES = {"synthetic_video", "synthetic_audio"}


@check
def check_build(subject: Subject) -> None:
    """It builds from its options, twice alike under one seed, and seeds nothing itself."""
    first, second = subject.build(seed=0).state_dict(), subject.build(seed=0).state_dict()
    assert torch.initial_seed() == 0, (
        "the constructor seeds torch; draw from the random state the Runner has set, or not at all"
    )
    different = [key for key in first if not torch.equal(first[key], second[key])]
    assert not different, (
        f"built twice under one seed, {different} differ; draw them from torch's random state, "
        "in a fixed order"
    )


@check
def check_sampling(subject: Subject) -> None:
    """`sampling()` declares views that can be cut from the shortest video it allows."""
    declared, own = (
        inspect.signature(function).parameters
        for function in (subject.cls.sampling, subject.cls.__init__)
    )
    for name, keyword in declared.items():
        if name not in ("clip_len", "seconds"):
            assert name in own and own[name].default == keyword.default, (
                f"option {name!r} of sampling() must be one of the constructor, with the same "
                "default: the harness passes it to both"
            )
    for part in (1, 2):  # the standard clip of the CPU presets, and that of the others
        sampling = subject.sampling(clip_len=CLIP_LEN * part, seconds=CLIP_SECONDS * part)
        assert sampling.views, "sampling() declares no views; name at least one"
        _draw(sampling)


def _draw(sampling: ClipSampling) -> None:
    """Draw from the shortest video; every clip lies inside it."""
    rng, end = np.random.default_rng(0), sampling.min_duration
    for _ in range(DRAWS):
        for name, times in sampling.draw(end, rng).items():
            view = sampling.views[name]
            last = times.start + times.speed * view.seconds
            assert len(times.start) == view.num_clips
            assert times.start.min() >= -1e-6 and last.max() <= end + 1e-6, (
                f"view {name!r} reaches from {float(times.start.min()):.3f} to "
                f"{float(last.max()):.3f} s in a video of {end:.3f} s, which is the shortest its "
                "anchors allow; mend their gaps"
            )


class _Watched(dict[str, Any]):
    """A dict that remembers which keys were read."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        super().__init__(content)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401
        """As dict's."""
        self.read.add(key)
        return super().get(key, default)

    def values(self) -> Any:  # noqa: ANN401
        """As dict's; reads all."""
        self.read.update(self)
        return super().values()

    def items(self) -> Any:  # noqa: ANN401
        """As dict's; reads all."""
        self.read.update(self)
        return super().items()


@check
def check_reads(subject: Subject) -> None:
    """`loss` reads the declared views, all of them and nothing else, and no labels."""
    model, batch = subject.build(), subject.batch()
    inputs, samples = _Watched(batch["inputs"]), _Watched(batch["data_samples"])
    for seed, phase in enumerate(PHASES):
        try:
            step(model, {"inputs": inputs, "data_samples": samples}, seed=seed, progress=phase)
        except KeyError as error:
            raise AssertionError(
                f"loss reads {error}, but the views are {list(inputs)} and data_samples holds "
                f"{sorted(READS)}; declare the view in sampling()"
            ) from error
    unread = set(inputs) - inputs.read
    assert not unread, (
        f"loss never reads the views {sorted(unread)}; leave them out of sampling(), they cost "
        "decoding"
    )
    foreign = samples.read - READS
    assert not foreign, (
        f"loss reads {sorted(foreign)} of data_samples; a pretext may use {sorted(READS)} only"
    )


@check
def check_encoders(subject: Subject) -> None:
    """`encoders()` hands down what it declares: modality, channels, strides, own parameters."""
    model = subject.build().eval()
    owned = {id(parameter) for parameter in model.parameters()}
    handed = model.encoders()
    assert handed, "encoders() hands nothing down; return the trained encoders by modality"
    for modality, encoder in handed.items():
        assert isinstance(encoder, Encoder) and encoder.modality == modality, (
            f"encoders()[{modality!r}] is a {type(encoder).__name__}; hand down an Encoder of "
            "that modality"
        )
        foreign = [name for name, p in encoder.named_parameters() if id(p) not in owned]
        assert not foreign, (
            f"{foreign[:3]} of the {modality} encoder are no parameters of the objective, so "
            "nothing trains them; register the encoder as a submodule"
        )
        _check_maps(encoder)
        _check_config(encoder)


def _check_maps(encoder: Encoder) -> None:
    """Channels and strides are those of the maps."""
    shape = (2, 3, CLIP_LEN, 32, 32) if encoder.modality == "video" else (2, 80, 3 * CLIP_LEN)
    with torch.no_grad():
        maps = encoder(torch.randn(shape))
    counts = {len(maps), len(encoder.channels), len(encoder.strides), len(encoder.pathways)}
    assert len(counts) == 1, (
        f"{len(maps)} maps, but channels {encoder.channels}, strides {encoder.strides}, pathways "
        f"{encoder.pathways}; declare one of each per map"
    )
    for found, channels, strides in zip(maps, encoder.channels, encoder.strides, strict=True):
        sizes = zip(shape[2:], strides, strict=True)
        wanted = (2, channels, *(-(-size // stride) for size, stride in sizes))
        assert tuple(found.shape) == wanted, (
            f"the {encoder.modality} encoder makes maps of shape {tuple(found.shape)}, its "
            f"channels and strides say {wanted}; correct what it declares"
        )


def _check_config(encoder: Encoder) -> None:
    """It was built by BACKBONES from the harness's configs, and can be built again from `config`.

    That is what `encoders.pt` carries.
    """
    config = getattr(encoder, "config", None)  # set by BACKBONES.build alone
    assert config is not None, (
        f"the {encoder.modality} encoder was not built by BACKBONES; build it from the "
        f"`{encoder.modality}` config that the harness passes"
    )
    foreign = set(_leaves(config)) - LEAVES
    assert not foreign, (
        f"the {encoder.modality} encoder is built of {sorted(foreign)}; build it from the "
        f"`{encoder.modality}` config that the harness passes, or backbones are not compared alike"
    )
    BACKBONES.build(config).load_state_dict(encoder.state_dict())


def _leaves(config: Any) -> Iterator[str]:  # noqa: ANN401 - plain nested data
    """Types of a config that hold no further config."""
    if isinstance(config, Mapping):
        inner = [leaf for value in config.values() for leaf in _leaves(value)]
        yield from inner or ([str(config["type"])] if "type" in config else [])
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _leaves(value)


@check
def check_docstring(subject: Subject) -> None:
    """Its docstring gives source, formula, shapes, and what differs from the paper."""
    text, paper = inspect.getdoc(subject.cls) or "", subject.cls.paper
    assert paper, 'set `paper`, a citation with a year (or "none (...)" and why)'
    needed = {
        "a source: the year of the paper": r"\b(19|20)\d\d\b|[Nn]o source",
        "a formula: L = ...": r"\S = \S|[Nn]o formula",
        'a section "Differs from the paper: ..."': r"Differs from the\s+paper",
    }
    if subject.cls.pretrains:
        needed["shapes of the views: (B, ...)"] = r"\(B[,)]"
    missing = [what for what, pattern in needed.items() if not re.search(pattern, text)]
    assert not missing, f"the class docstring lacks {'; '.join(missing)}"


CHECKS: Mapping[str, Check] = {
    function.__name__: function
    for function in (
        check_build,
        check_sampling,
        check_reads,
        check_losses,
        check_gradients,
        check_permutation,
        check_learning,
        check_state,
        check_encoders,
        check_batch_sizes,
        check_runner,
        check_docstring,
    )
}


def run_checks(
    objective: Subject | type[Objective] | str,
    *,
    only: Sequence[str] = (),
    **options: Any,  # noqa: ANN401
) -> Iterator[Outcome]:
    """Every check, or those named in `only`, judged by what the objective declares."""
    return outcomes(Subject.of(objective, **options), CHECKS, only=only)
