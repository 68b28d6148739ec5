"""Requests judged by botocore's model of the service: what AWS would refuse must not pass on a laptop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from retail_forecast.emulator.sagemaker.errors import RefusedError


def validate_request(action: str, body: dict[str, Any]) -> None:
    """Raises RefusedError naming each key that is missing, unknown, too long, or not of its pattern."""
    problems = list(_problems(_input_shape(action), body, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
        raise RefusedError("ValidationException", f"{count}: {'; '.join(problems)}")


@cache
def _input_shape(action: str) -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model("sagemaker").operation_model(action).input_shape


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        missing = [name for name in shape.required_members if name not in value]
        yield from (f"{path}{name} is required" for name in missing)
        for name, inner in value.items():
            if name in shape.members:
                yield from _problems(shape.members[name], inner, f"{path}{name}.")
            else:
                yield f"{path}{name} is not known"
        return
    yield from (f"Value at '{path.rstrip('.')}' failed to satisfy constraint: {why}" for why in _broken(shape, value))
    if shape.type_name == "list":
        for number, inner in enumerate(value, 1):
            yield from _problems(shape.member, inner, f"{path}{number}.member.")
    elif shape.type_name == "map":
        for key, inner in value.items():
            yield from _problems(shape.key, key, f"{path}{key}.")
            yield from _problems(shape.value, inner, f"{path}{key}.")


def _broken(shape: Any, value: Any) -> Iterator[str]:
    rules = shape.metadata
    kind = "length" if isinstance(value, str | list | dict) else "value"
    size = len(value) if isinstance(value, str | list | dict) else value
    if "max" in rules and size > rules["max"]:
        yield f"Member must have {kind} less than or equal to {rules['max']}"
    if "min" in rules and size < rules["min"]:
        yield f"Member must have {kind} greater than or equal to {rules['min']}"
    if rules.get("enum") and value not in rules["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"
    if "pattern" in rules and not _compile(rules["pattern"]).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {rules['pattern']}"


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    r"""The pattern in Python's words, which name fewer kinds of characters. What is no pattern at all fits anything.

    >>> bool(_compile(r"[\\p{L}\\p{N}=]*").fullmatch("größe=1"))
    True
    """
    for kinds, python in (("L|Alnum", r"\\w"), ("N", r"\\d"), ("Z", r"\\s"), ("M|P|S", r"\\W")):
        pattern = re.sub(rf"\\p\{{({kinds})\}}", python, pattern)
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return re.compile(".*", re.DOTALL)
