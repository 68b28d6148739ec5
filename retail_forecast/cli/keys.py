"""Commands for the keys of the API. A key is printed once; what is kept is its hash."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retail_forecast.cli.console import console

keys = typer.Typer(help="Keys of the API: make, list, revoke.", no_args_is_help=True)

File = Annotated[
    Path | None, typer.Option(help="File of hashes, the content of a Secret; default the one that the API reads.")
]


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whom the key is for; the audit log says key:NAME.")],
    scope: Annotated[list[str], typer.Option(help="What it may do; give it once for each scope.")],
    days: Annotated[int | None, typer.Option(min=1, help="It expires after so many days.")] = None,
    file: File = None,
) -> None:
    """Make a key, print it once, and put its hash into force: running replicas take it within a second."""
    from retail_forecast.serving.security.keys import add_key, make_key

    path = _path(file)
    key, record = make_key(name, scope, days=days)
    add_key(path, record)
    typer.echo(key)
    _audit("keys create", record.name, scopes=record.scopes)
    typer.echo(f"Shown this once. {path} holds its hash; scopes: {', '.join(record.scopes)}.", err=True)


@keys.command("list")
def list_keys(file: File = None) -> None:
    """The keys in force, without the keys."""
    from retail_forecast.serving.security.keys import read_keys

    out, path = console(), _path(file)
    for one in read_keys(path).keys:
        ends = f"until {one.expires_at:%Y-%m-%d %H:%M}" if one.expires_at else "without end"
        out.print(f"{one.name:20} {', '.join(one.scopes)}; since {one.created_at:%Y-%m-%d}, {ends}", markup=False)


@keys.command()
def revoke(name: Annotated[str, typer.Argument(help="The key's name.")], file: File = None) -> None:
    """Take a key out of force: running replicas refuse it within a second."""
    from retail_forecast.serving.security.keys import revoke_key

    path = _path(file)
    revoke_key(path, name)
    _audit("keys revoke", name)
    console().print(f"{name} is out of force; {path} no longer has it.", markup=False)


def _path(file: Path | None) -> Path:
    from retail_forecast.settings import load_settings

    return file or load_settings().keys_path


def _audit(action: str, name: str, **facts: object) -> None:
    from retail_forecast.settings import load_settings
    from retail_forecast.telemetry.audit import audit_person

    audit_person(load_settings().home, action, key=name, **facts)
