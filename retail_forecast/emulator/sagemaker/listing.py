"""Lists as SageMaker gives them: filtered, sorted and in pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PAGE = 10


def page_of(
    rows: list[dict[str, Any]], request: Mapping[str, Any], *, name: str, key: str, status: str | None = None
) -> dict[str, Any]:
    """One page under `key`, by the filters, the order and the token of the request; `name`, `status`: the rows' keys.

    Oldest first where the request asks for nothing else, as the reference of SageMaker says.
    """
    kept = [row for row in rows if _matches(row, request, name, status)]
    asked = request.get("SortBy", "CreationTime")
    column = {"Name": name, "Status": status or name}.get(asked, asked)
    kept.sort(key=lambda row: row.get(column, 0), reverse=request.get("SortOrder") == "Descending")
    start, size = int(request.get("NextToken") or 0), int(request.get("MaxResults") or _PAGE)
    answer: dict[str, Any] = {key: kept[start : start + size]}
    if start + size < len(kept):
        answer["NextToken"] = str(start + size)
    return answer


def _matches(row: Mapping[str, Any], request: Mapping[str, Any], name: str, status: str | None) -> bool:
    wanted = request.get("StatusEquals")
    after, before = request.get("CreationTimeAfter"), request.get("CreationTimeBefore")
    return (
        request.get("NameContains", "") in str(row[name])
        and (wanted is None or status is None or row[status] == wanted)
        and (after is None or row["CreationTime"] > after)
        and (before is None or row["CreationTime"] < before)
    )
