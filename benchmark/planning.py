"""From a request to its plan, the same way wherever its cells are run."""

from __future__ import annotations

from benchmark.datasets import Known
from benchmark.plan import Plan, make_plan, resolve
from benchmark.plan_request import RunRequest
from benchmark.results.store import RecordStore


def planned(request: RunRequest, known: Known | None = None) -> Plan:
    """What a request comes to, with the answers that its folder of records holds now.

    known: see `make_plan`. Raises UsageError for a name or an option that does not exist,
    NotReadyError where data is not there.
    """
    recipe, cards = resolve(request)
    return make_plan(request, recipe, cards, RecordStore(request.out), known)
