"""Commands of others (kubectl, helm, terraform, aws) as functions; what they refuse ends with their own words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from retail_forecast.errors import RetailForecastError


class CommandError(RetailForecastError):
    """A command of another program failed. command: what was called; output: what it said."""

    def __init__(self, command: list[str], output: str) -> None:
        self.command, self.output = command, output
        super().__init__(f"{' '.join(command[:6])} failed: {output.strip() or 'it said nothing'}")


def run(command: list[str], *, given: str | None = None) -> str:
    """What the command prints, with its errors shown as they come; `given` is its standard input."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True)
    except FileNotFoundError:
        raise CommandError(command, f"{command[0]} is not on PATH; docs/operations.md lists what is needed.") from None
    if done.returncode != 0:
        raise CommandError(command, done.stderr)
    return done.stdout


def show(command: list[str]) -> None:
    """Runs a command whose output people follow."""
    say(f"$ {' '.join(command)}")
    try:
        code = subprocess.run(command).returncode
    except FileNotFoundError:
        raise CommandError(command, f"{command[0]} is not on PATH; docs/operations.md lists what is needed.") from None
    if code != 0:
        raise CommandError(command, f"status {code}")


def run_json(command: list[str]) -> Any:
    """What the command prints, read as JSON."""
    return json.loads(run(command))


def say(line: str) -> None:
    """One line for who watches."""
    print(line, flush=True)


def exit_with(main: Callable[[], int]) -> None:
    """Runs `main`; an error of ours is one line and the exit status 1."""
    try:
        sys.exit(main())
    except RetailForecastError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
