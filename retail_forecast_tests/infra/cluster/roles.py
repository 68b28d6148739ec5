"""Role-based access, as far as a Role goes: who may do what in the one namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from retail_forecast_tests.infra.cluster.objects import Refusal

Rule = Mapping[str, Any]
GROUPS = {"jobs": "batch", "rayservices": "ray.io"}
_VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


def verb_of(method: str, *, named: bool) -> str:
    """Kubernetes' word for a request."""
    return "list" if method == "GET" and not named else _VERBS[method]


def require(rules: Iterable[Rule], account: str, verb: str, plural: str, name: str) -> None:
    """Raises Refusal 403, in the API server's words, unless a rule allows it."""
    group = GROUPS.get(plural.partition("/")[0], "")
    for rule in rules:
        names = rule.get("resourceNames")
        allowed = group in rule["apiGroups"] and plural in rule["resources"] and verb in rule["verbs"]
        if allowed and (not names or name in names):
            return
    what = f'{plural}.{group} "{name}"' if group else f'{plural} "{name}"'
    message = (
        f'{what} is forbidden: User "system:serviceaccount:retail-forecast:{account}" cannot {verb} resource '
        f'"{plural}" in API group "{group}" in the namespace "retail-forecast"'
    )
    raise Refusal(403, "Forbidden", message)
