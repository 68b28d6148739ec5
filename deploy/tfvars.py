"""Terraform's variables as values: an environment's .tfvars over the defaults of the .tf files, without terraform.

Read are literals (texts, numbers, true, false, null, lists, objects), which is all that such files hold here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from retail_forecast.errors import ConfigurationError

_TOKEN = re.compile(r'\s*(?:#[^\n]*\n\s*)*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|[A-Za-z_][\w-]*|[\[\]{}=:,])')
_WORDS = {"true": True, "false": False, "null": None}


def read_variables(folder: Path, tfvars: Path) -> dict[str, Any]:
    """Each variable with its value in that environment; those without a value are left out."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.tf")))
    given = _Reader(tfvars.read_text(encoding="utf-8"), str(tfvars)).assignments()
    found: dict[str, Any] = {}
    for name, block in _variables(text).items():
        value = given.get(name, _default(block, name))
        optional = {
            key: _literal(default, name)
            for key, default in re.findall(r"(\w+)\s*=\s*optional\(\w+,\s*([^()]+)\)", block)
        }
        found[name] = {**optional, **value} if isinstance(value, dict) else value
    if unknown := sorted(set(given) - set(found)):
        raise ConfigurationError(
            key=f"{tfvars}: {unknown[0]}", found=given[unknown[0]], expected="a variable of the .tf files"
        )
    return found


def _variables(text: str) -> dict[str, str]:
    """The block of each variable."""
    parts = re.split(r'^variable "(\w+)" \{$', text, flags=re.MULTILINE)
    return {
        name: re.split(r"^\}", body, maxsplit=1, flags=re.MULTILINE)[0]
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def _default(block: str, name: str) -> Any:
    found = re.search(r"^  default\s*=\s*", block, re.MULTILINE)
    return _literal(block[found.end() :], name) if found else None


def _literal(text: str, name: str) -> Any:
    return _Reader(text, f"variable {name}").value()


class _Reader:
    """Takes tokens off a text."""

    def __init__(self, text: str, origin: str) -> None:
        self.text, self.at, self.origin = text + "\n", 0, origin

    def assignments(self, end: str = "") -> dict[str, Any]:
        """Names and values up to `end`."""
        found: dict[str, Any] = {}
        while (name := self._next()) != end:
            if self._next() not in ("=", ":"):
                raise self._error(name)
            found[name.strip('"')] = self.value()
            if self._peek() == ",":
                self._next()
        return found

    def value(self) -> Any:
        """One literal."""
        word = self._next()
        if word == "{":
            return self.assignments("}")
        if word == "[":
            return self._list()
        if word.startswith('"'):
            return word[1:-1]
        if word in _WORDS:
            return _WORDS[word]
        if re.fullmatch(r"-?\d+(\.\d+)?", word):
            return float(word) if "." in word else int(word)
        raise self._error(word)

    def _list(self) -> list[Any]:
        found: list[Any] = []
        while self._peek() != "]":
            found.append(self.value())
            if self._peek() == ",":
                self._next()
        self._next()
        return found

    def _peek(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        return match[1] if match else ""

    def _next(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            if re.fullmatch(r"(\s|#[^\n]*\n)*", self.text[self.at :]):
                return ""
            raise self._error(self.text[self.at : self.at + 20])
        self.at = match.end()
        return match[1]

    def _error(self, token: str) -> ConfigurationError:
        return ConfigurationError(key=self.origin, found=token, expected="a literal: text, number, list or object")
