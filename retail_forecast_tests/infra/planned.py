"""What Terraform would make, as `terraform test` plans it on mocked providers: real ones, or stand-ins for them."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from retail_forecast_tests.infra.terraform import missing_source, prepared

Resource = dict[str, Any]


def planned(kind: str, suite: str = "telling", run: str = "somebody_is_told") -> dict[str, Resource]:
    """Address to arguments of every resource of that type, in production. Skips where there are no providers."""
    changes = _plan(suite, run)["resource_changes"]
    return {
        one["address"]: one["change"]["after"] for one in changes if one["type"] == kind and one["mode"] == "managed"
    }


def planned_output(name: str, suite: str, run: str) -> Any:
    """What an output says in that run; skips likewise."""
    return _plan(suite, run)["output_changes"][name]["after"]


def _plan(suite: str, run: str) -> dict[str, Any]:
    if reason := missing_source():
        pytest.skip(reason)
    return _planned_once(suite, run)


@cache
def _planned_once(suite: str, run: str) -> dict[str, Any]:
    return prepared().plan_of(suite, run)
