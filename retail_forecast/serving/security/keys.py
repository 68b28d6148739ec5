"""API keys: made once, shown once, kept as hashes in one small JSON file.

A key holds 256 random bits, so one SHA-256 of it is enough: nobody can try them all, whatever the hash costs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retail_forecast.errors import ConfigurationError, NotFoundError
from retail_forecast.serving.security.callers import SCOPES, Caller

PREFIX = "rfk"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"


class KeyRecord(BaseModel):
    """One key, without the key. id: the part of it that finds the record; sha256: of the whole key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    name: str = Field(pattern=_NAME)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None = None

    @property
    def caller(self) -> Caller:
        """Whom the key stands for."""
        ends = self.expires_at.timestamp() if self.expires_at is not None else float("inf")
        return Caller(f"key:{self.name}", frozenset(self.scopes), ends)


class KeyFile(BaseModel):
    """The file: every key in force."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: list[KeyRecord] = []


def make_key(name: str, scopes: Iterable[str], *, days: int | None = None) -> tuple[str, KeyRecord]:
    """A new key and its record. Raises ConfigurationError for a name or scope that cannot be."""
    if not re.fullmatch(_NAME, name):
        raise ConfigurationError(key="NAME", found=name, expected="letters, digits, dots, @, - and _, at most 64")
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise ConfigurationError(key="--scope", found=unknown[0], expected=f"one of {', '.join(SCOPES)}")
    number, now = secrets.token_hex(6), datetime.now(UTC).replace(microsecond=0)
    key = f"{PREFIX}_{number}_{secrets.token_urlsafe(32)}"
    ends = now + timedelta(days=days) if days is not None else None
    record = KeyRecord(
        id=number, name=name, sha256=digest(key), scopes=sorted(set(scopes)), created_at=now, expires_at=ends
    )
    return key, record


def digest(key: str) -> str:
    """The hash that is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def find_record(records: dict[str, KeyRecord], key: str) -> KeyRecord | None:
    """The record of the key by its id; the hashes are compared in constant time."""
    parts = key.split("_", 2)
    record = records.get(parts[1]) if len(parts) == 3 and parts[0] == PREFIX else None
    return record if record is not None and hmac.compare_digest(record.sha256, digest(key)) else None


def read_keys(path: Path) -> KeyFile:
    """The keys in force, none where there is no file. Raises ConfigurationError naming what is wrong in it."""
    try:
        return KeyFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return KeyFile()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join([str(path), *(str(part) for part in first["loc"])])
        raise ConfigurationError(key=key, found="something else", expected=first["msg"]) from error


def write_keys(path: Path, file: KeyFile) -> None:
    """Puts the whole file in place at once, for its owner's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as sink:
        sink.write(json.dumps(file.model_dump(mode="json"), indent=2) + "\n")
    draft.replace(path)


def add_key(path: Path, record: KeyRecord) -> None:
    """Puts the key in force. Raises ConfigurationError if one of that name is."""
    kept = read_keys(path).keys
    if any(one.name == record.name for one in kept):
        expected = f"a name that {path} does not have; `retail-forecast keys revoke {record.name}` takes the old key"
        raise ConfigurationError(key="NAME", found=record.name, expected=expected)
    write_keys(path, KeyFile(keys=[*kept, record]))


def revoke_key(path: Path, name: str) -> None:
    """Takes the key out of force. Raises NotFoundError."""
    kept = read_keys(path).keys
    left = [one for one in kept if one.name != name]
    if len(left) == len(kept):
        names = ", ".join(one.name for one in kept) or "none"
        raise NotFoundError(f"Key {name!r} in {path}", fix=f"There are: {names}.")
    write_keys(path, KeyFile(keys=left))
