"""Time and memory of our steps as the data grows: a tenth, a third, once, three and ten times the base.

    python -m benchmarks.scaling --sizes 0.1,0.33,1,3,10
    python -m benchmarks.scaling --data m5 --archive m5-forecasting-accuracy.zip --sizes 0.1,0.3,1,3

A size is a number of stores: the first ones of the base, or all of them several times under new names. Every step
runs in a process of its own. The growth is the power p of rows^p from one size to the next: 1 is linear, below 1 what
it takes at any size still weighs.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import report
from benchmarks.data import Source, cutoff_of, prepare, resized, store_names
from benchmarks.end_to_end import our_steps
from benchmarks.measure import Measured


@dataclass(frozen=True)
class Size:
    """One size: stores, rows of the training set, and the steps in their order."""

    stores: int
    rows: int
    steps: tuple[Measured, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = report.options(__doc__)
    parser.add_argument("--sizes", type=sizes_of, default=sizes_of("0.1,0.33,1,3,10"), help="0.1,0.33,1,3,10")
    parser.add_argument("--trees", type=int, help="trees of each model (default: our recipe's)")
    given, source = report.parsed(parser, arguments)
    made = run(source, given.home, given.cores, given.sizes, given.trees)
    print(made, "\n\n", report.setting("benchmarks.scaling"), sep="")


def sizes_of(text: str) -> list[float]:
    """Sizes as times the base, rising.

    >>> sizes_of("1,0.1")
    [0.1, 1.0]
    """
    sizes = sorted(float(part) for part in text.split(","))
    if sizes[0] <= 0:
        raise argparse.ArgumentTypeError("sizes are above 0, such as 0.1,0.33,1,3,10")
    return sizes


def run(source: Source, home: Path, cores: int, sizes: Sequence[float], trees: int | None = None) -> str:
    """The table as Markdown."""
    base = prepare(source, home, cores=cores)
    count = len(store_names(base))
    numbers = sorted({max(1, round(size * count)) for size in sizes})
    measured = []
    for stores in numbers:
        measured.append(_measured(base, count, stores, cores, trees))
        print(_table(measured), file=sys.stderr, flush=True)  # the largest takes long: what is known is told
    return _table(measured)


def _measured(base: Path, count: int, stores: int, cores: int, trees: int | None) -> Size:
    folder = base if stores == count else resized(base, stores, cores=cores)
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as aside:
        cutoff = cutoff_of(folder).isoformat()
        steps = our_steps(folder, cutoff, cores, f"{aside}/forecasts.parquet", trees)
    if folder != base:
        shutil.rmtree(folder)
    return Size(stores, steps[0].facts["rows"], steps)


def _table(sizes: Sequence[Size]) -> str:
    rows = []
    for before, size in zip([None, *sizes], sizes, strict=False):
        steps = [(step.total(), step.peak_gb) for step in size.steps]
        rows.append((size.stores, size.rows, *(value for pair in steps for value in pair), _growth(before, size)))
    names = ("features", "training", "forecasts")
    headers = [f"{name}, {unit}" for name in names for unit in ("s", "GB")]
    return report.table(["stores", "training rows", *headers, "growth of all, p"], rows)


def _growth(before: Size | None, size: Size) -> str:
    if before is None or before.rows == size.rows:
        return "-"
    seconds = [sum(step.total() for step in one.steps) for one in (before, size)]
    return f"{math.log(seconds[1] / seconds[0]) / math.log(size.rows / before.rows):.2f}"


if __name__ == "__main__":
    main()
