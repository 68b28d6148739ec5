"""What a benchmark prints: Markdown tables, and where and how they were measured."""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import distributions, version
from pathlib import Path

import psutil

from benchmarks.data import Source
from retail_forecast.parallel.cluster import cores

PACKAGES = ("retail-forecast", "polars", "lightgbm", "mlforecast", "coreforecast", "statsforecast")


def options(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["made-up", "m5"], default="made-up")
    parser.add_argument("--archive", type=Path, help="m5-forecasting-accuracy.zip, for --data m5")
    parser.add_argument("--stores", type=int, help="how many stores (made-up: 12; M5: all ten)")
    parser.add_argument("--days", type=int, default=730, help="days of made-up sales")
    parser.add_argument("--cores", type=int, default=cores(), help="cores that each side may use")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side of features; the quickest counts")
    parser.add_argument("--home", type=Path, default=Path(".retail-forecast-benchmarks"), help="where data is kept")
    return parser


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> tuple[argparse.Namespace, Source]:
    """The options, and the data they name. Ends with a message when M5 is asked for without its archive."""
    given = parser.parse_args(arguments)
    if given.data == "m5" and (given.archive is None or not given.archive.is_file()):
        parser.error("--data m5 needs --archive PATH, the file m5-forecasting-accuracy.zip")
    if min(given.stores or 1, given.cores, given.repeats) < 1 or given.stores == 0:
        parser.error("--stores, --cores and --repeats must be 1 or more")
    return given, Source(given.data, given.stores, given.days, given.archive)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers are rounded to what can be read.

    >>> print(table(["side", "s"], [["ours", 1.2345]]))
    | side | s |
    |---|---|
    | ours | 1.23 |
    """
    lines = [headers, *([text(value) for value in row] for row in rows)]
    made = [f"| {' | '.join(line)} |" for line in lines]
    made.insert(1, f"|{'---|' * len(headers)}")
    return "\n".join(made)


def text(value: object) -> str:
    """A cell: counts with commas, other numbers with three digits or more, nothing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def ratio(theirs: float, ours: float) -> str:
    """How many times ours the other one is; above 1 where ours is less."""
    return f"{theirs / ours:.2f} x" if ours > 0 else "-"


def setting(module: str) -> str:
    """One paragraph: machine, its load, versions and the command."""
    memory_gb = psutil.virtual_memory().total / 1e9
    load = os.getloadavg()[0]
    machine = f"{_processor()}, {cores()} cores, {memory_gb:.0f} GB, {platform.system()}, load {load:.1f}"
    installed = [name for name in PACKAGES if next(iter(distributions(name=name)), None) is not None]
    versions = ", ".join(f"{name} {version(name)}" for name in installed)
    command = shlex.join(["python", "-m", module, *sys.argv[1:]])
    return f"`{command}` on {machine}; Python {platform.python_version()}, {versions}."


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
