"""What the contract checks share: the objective under test, and how a check is written and told."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from registries import plugins
from registries.objective import Objective
from registries.registry import OBJECTIVES
from registries.sampling import ClipSampling
from registries.synthetic import SyntheticClips

CLIP_LEN, CLIP_SECONDS = 16, 1.6  # the standard clip of the CPU presets
BATCH = 4
SEEDS = 50  # chosen: batches looked through for one that shows both directions, several speeds
PHASES = (0.0, 0.9)  # progress at which checks look: curricula switch, schedules move


@dataclass(frozen=True)
class Subject:
    """An objective class with its options, and synthetic encoders and clips to try it on."""

    cls: type[Objective]
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, objective: Subject | type[Objective] | str, **options: Any) -> Subject:  # noqa: ANN401
        """The subject for a registered name or a class; options go before its `small` ones."""
        if isinstance(objective, Subject):
            return Subject(objective.cls, {**objective.options, **options})
        if isinstance(objective, str):
            plugins.load("objectives", objective)
            objective = OBJECTIVES.module_dict[objective]
        if not (isinstance(objective, type) and issubclass(objective, Objective)):
            raise AssertionError(
                f"{objective!r} is no subclass of registries.objective.Objective; derive it from "
                "that class"
            )
        return cls(objective, {**objective.small, **options})

    def sampling(self, *, clip_len: int = CLIP_LEN, seconds: float = CLIP_SECONDS) -> ClipSampling:
        """Its views, asked for as the harness asks."""
        declared = inspect.signature(self.cls.sampling).parameters
        chosen = {key: value for key, value in self.options.items() if key in declared}
        return self.cls.sampling(clip_len=clip_len, seconds=seconds, **chosen)

    def build(self, *, seed: int = 0) -> Objective:
        """A new one with synthetic encoders, drawn from `seed`."""
        torch.manual_seed(seed)
        built = self.cls(
            video={"type": "synthetic_video"}, audio={"type": "synthetic_audio"}, **self.options
        )
        built.train()
        return built

    def batch(self, size: int = BATCH, *, seed: int = 0) -> dict[str, Any]:
        """{"inputs", "data_samples"} of `size` samples."""
        return SyntheticClips(self.sampling(), count=size, seed=seed).batch(range(size))

    def varied(self) -> dict[str, Any]:
        """A batch whose samples differ in speed and direction, wherever a view draws them."""
        views = self.sampling().views
        for seed in range(SEEDS):
            batch = self.batch(seed=seed)
            times = batch["data_samples"]["times"]
            if all(
                (not 0 < view.reverse < 1 or len(times[name].reversed[:, 0].unique()) > 1)
                and (len(set(view.speeds)) == 1 or len(times[name].speed[:, 0].unique()) > 1)
                for name, view in views.items()
            ):
                break
        return batch


Check = Callable[..., None]


def check(function: Callable[[Subject], None]) -> Check:
    """Turn `check_x(subject)` into `check_x(name, class or subject, **options)`.

    Whatever the objective raises becomes an AssertionError that says which check met it; the
    random state of the caller is left alone.
    """

    @functools.wraps(function)
    def run(objective: Subject | type[Objective] | str, **options: Any) -> None:  # noqa: ANN401
        subject = Subject.of(objective, **options)
        try:
            with torch.random.fork_rng(devices=[]):
                function(subject)
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(
                f"{subject.cls.__name__} raised {type(error).__name__}: {error}. Every objective "
                f"must get through {function.__name__}: {_summary(function)}"
            ) from error

    return run


@dataclass(frozen=True)
class Outcome:
    """How one check ended.

    "expected": failed, as declared with `message` as reason. "stale": declared, but it passed.
    """

    check: str
    state: Literal["ok", "failed", "expected", "stale"]
    message: str = ""

    @property
    def good(self) -> bool:
        """Nothing to mend."""
        return self.state in ("ok", "expected")


def outcomes(
    subject: Subject, checks: Mapping[str, Check], *, only: Sequence[str] = ()
) -> Iterator[Outcome]:
    """Run checks, all or those named, judged by the subject's `expected_failures`."""
    declared = subject.cls.expected_failures
    for name in declared:
        if name not in checks:
            yield Outcome(
                name, "failed", f"expected_failures names no check; there are {', '.join(checks)}"
            )
    for name in only or checks:
        run = checks[name]
        yield judge(name, declared.get(name, ""), functools.partial(run, subject))


def judge(name: str, reason: str, run: Callable[[], None]) -> Outcome:
    """Run one check; `reason` says why it is expected to fail, empty where it is not."""
    try:
        run()
    except AssertionError as error:
        return Outcome(name, "expected", reason) if reason else Outcome(name, "failed", str(error))
    if reason:
        text = f"expected to fail ({reason}), but it passes: remove it from expected_failures"
        return Outcome(name, "stale", text)
    return Outcome(name, "ok")


def step(
    model: Objective, batch: Mapping[str, Any], *, seed: int = 0, progress: float = 0.5
) -> dict[str, Tensor]:
    """The loss dict of one batch, its random draws and progress fixed."""
    model.progress = progress
    torch.manual_seed(seed)
    losses: dict[str, Tensor] = model(batch["inputs"], batch["data_samples"], mode="loss")
    return losses


def total(losses: Mapping[str, Tensor]) -> Tensor:
    """What mmengine minimises: the sum of every key that contains "loss"."""
    terms = [value.mean() for key, value in losses.items() if "loss" in key]
    assert terms, f"no key of {sorted(losses)} is a loss; return loss_<term> values"
    return torch.stack([term.float() for term in terms]).sum()


def values(losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Every entry as a number."""
    return {key: float(value.detach().float().mean()) for key, value in losses.items()}


def select(batch: Mapping[str, Any], order: list[int]) -> dict[str, Any]:
    """The samples of a batch in another order; inputs, times, ids alike."""

    def take(value: Any) -> Any:  # noqa: ANN401 - whatever a batch holds
        if isinstance(value, Tensor):
            return value[order]
        if isinstance(value, tuple):
            return type(value)(*map(take, value))
        if isinstance(value, Mapping):
            return {key: take(inner) for key, inner in value.items()}
        return [value[i] for i in order]

    return {key: take(value) for key, value in batch.items()}


def _summary(function: Callable[..., None]) -> str:
    return (inspect.getdoc(function) or "").split("\n")[0]
