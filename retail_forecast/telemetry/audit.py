"""The audit log: who did what that others may have to answer for, one line each."""

from __future__ import annotations

import json
import logging
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LOGGER, FILE = "retail_forecast.audit", "audit.jsonl"

logger = logging.getLogger(LOGGER)


def audit(action: str, *, caller: str, **facts: Any) -> None:
    """Writes the line. `facts` become fields of a JSON line, and are in the sentence, too; they hold no secret."""
    known = {name: value for name, value in facts.items() if value is not None}
    text = " ".join(
        f"{name}={value!r}" if isinstance(value, str) else f"{name}={value}" for name, value in known.items()
    )
    logger.info("%s by %s: %s", action, caller, text, extra={"action": action, "caller": caller, **known})


def audit_person(home: Path, action: str, **facts: Any) -> None:
    """`audit_kept` for a command that somebody typed."""
    audit_kept(home, action, caller=person(), **facts)


def audit_kept(home: Path, action: str, *, caller: str, **facts: Any) -> None:
    """The same as `audit`; the line also stays in HOME/audit.jsonl, for commands log nowhere and each run to itself."""
    audit(action, caller=caller, **facts)
    line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "action": action, "caller": caller, **facts}
    home.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(home / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as sink:
        sink.write(json.dumps(line, default=str) + "\n")


def person() -> str:
    """Who runs this process, as `user:NAME@HOST`, with the AWS role or profile that it acts under where one is named.

    The account's name comes from the operating system, not from the environment, which anybody may set.
    """
    try:
        name = _account()
    except (KeyError, OSError):
        name = str(os.getuid())
    role = os.environ.get("AWS_ROLE_ARN") or os.environ.get("AWS_PROFILE")
    return f"user:{name}@{socket.gethostname()}" + (f" as {role}" if role else "")


def _account() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
