"""What Terraform would make, as `terraform test` plans it on mocked providers: real ones, or stand-ins for them."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from retail_forecast_tests.infra.terraform import missing_source, prepared

Resource = dict[str, Any]


def planned(kind: str, suite: str = "telling", run: str = "somebody_is_told") -> dict[str, Resource]:
    """Address to arguments of every resource of that type, in production. Skips where there are no providers."""
    if reason := missing_source():
        pytest.skip(reason)
    changes = _changes(suite, run)
    return {
        one["address"]: one["change"]["after"] for one in changes if one["type"] == kind and one["mode"] == "managed"
    }


@cache
def _changes(suite: str, run: str) -> list[Resource]:
    return prepared().plan_of(suite, run)
