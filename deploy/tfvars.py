"""Terraform's variables as values: an environment's .tfvars over the defaults of the .tf files, without terraform."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import hcl2
from hcl2 import SerializationOptions
from lark.exceptions import LarkError

from retail_forecast.errors import ConfigurationError

_PLAIN = SerializationOptions(strip_string_quotes=True, with_comments=False, explicit_blocks=False)
_OPTIONAL = re.compile(r"(\w+) = optional\(\w+, ([^()]+)\)")
_WORDS = {"true": True, "false": False, "null": None}


def read_variables(folder: Path, tfvars: Path) -> dict[str, Any]:
    """Each variable with its value in that environment; those without a value are left out.

    Raises ConfigurationError for what is no HCL, no variable of the .tf files, or worked out rather than given.
    """
    declared = _declared(folder)
    given = _read(tfvars)
    if unknown := sorted(set(given) - set(declared)):
        raise ConfigurationError(
            key=f"{tfvars}: {unknown[0]}", found=given[unknown[0]], expected="a variable of the .tf files"
        )
    values = {name: given.get(name, block.get("default")) for name, block in declared.items()}
    _require_literals(values, str(tfvars))
    return {
        name: _filled(values[name], block) for name, block in declared.items() if name in given or "default" in block
    }


def _declared(folder: Path) -> dict[str, dict[str, Any]]:
    """The block of each variable."""
    files = [_read(file) for file in sorted(folder.glob("*.tf"))]
    return {name.strip('"'): block for file in files for one in file.get("variable", []) for name, block in one.items()}


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = hcl2.loads(file.read_text(encoding="utf-8") + "\n", serialization_options=_PLAIN)
    except LarkError as error:
        raise ConfigurationError(key=str(file), found=str(error).splitlines()[0], expected="HCL") from error
    return found


def _filled(value: Any, block: dict[str, Any]) -> Any:
    """An object with the defaults of the attributes that it leaves out."""
    if not isinstance(value, dict):
        return value
    return {name: _literal(text) for name, text in _OPTIONAL.findall(str(block.get("type")))} | value


def _literal(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    return text.strip('"') if text.startswith('"') else float(text) if "." in text else int(text)


def _require_literals(value: Any, where: str) -> None:
    """Raises ConfigurationError for an expression, which only terraform can work out."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        _require_literals(one, f"{where}: {key}")
    if isinstance(value, str) and value.startswith("${"):
        raise ConfigurationError(key=where, found=value, expected="a literal: text, number, list or object")
