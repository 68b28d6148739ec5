"""Features: ours against mlforecast's built-in lag transforms, on the same sales and the same set of features.

    python -m benchmarks.features
    python -m benchmarks.features --data m5 --archive m5-forecasting-accuracy.zip

The values of the first store are compared, and time and memory of all stores are measured, each side in a process of
its own, from sales in memory to features: ours handed on some series after the other, as the pipeline has them, and
once with all rows kept; mlforecast all at once and store by store. Both sides leave out rows before a series' first
sale, count days without a row as nothing sold, and take the mean of what is there where a window begins before the
first sale. What only one side can compute is left out (`benchmarks.common`). To have equal values, ours are built as
of the day before each row; as of the cutoff before each horizon, which is what a training learns from, they are rows
of their own, and so is our whole set.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import comparison, ours, peer_features
from benchmarks.data import Source, prepare, store_names
from benchmarks.measure import Measured, Result, measure
from benchmarks.report import options, parsed, ratio, setting, table


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints what was compared and measured."""
    given, source = parsed(options(__doc__), arguments)
    print(run(source, given.home, given.cores, given.repeats), "\n\n", setting("benchmarks.features"), sep="")


def run(source: Source, home: Path, cores: int, repeats: int = 3) -> str:
    """The tables as Markdown."""
    folder = prepare(source, home, cores=cores)
    mine, ahead, whole = (
        measure(ours.features, cores=cores, repeats=repeats, folder=folder, only_common=common, ahead=ahead)
        for common, ahead in ((True, False), (True, True), (False, True))
    )
    kept = measure(ours.features, cores=cores, repeats=repeats, folder=folder, only_common=True, keep=True)
    single, double = (
        measure(peer_features.features, cores=cores, repeats=repeats, folder=folder, threads=cores, bits=bits)
        for bits in (32, 64)
    )
    apart = measure(peer_features.features, cores=cores, repeats=repeats, folder=folder, threads=cores, apart=True)
    return "\n\n".join([_values(folder, cores), _costs(mine, kept, ahead, whole, single, double, apart)])


def _values(folder: Path, cores: int) -> str:
    """One row per feature: how far mlforecast's numbers lie from ours."""
    stores = store_names(folder)[:1]
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as aside:
        mine, theirs = f"{aside}/ours.parquet", f"{aside}/theirs.parquet"
        measure(ours.features, cores=cores, folder=folder, only_common=True, stores=stores, out=mine)
        found = []
        for bits in (32, 64):
            side: Result = {"folder": folder, "threads": cores, "bits": bits, "stores": stores, "out": theirs}
            measure(peer_features.features, cores=cores, **side)
            found.append(measure(comparison.compare, cores=cores, folder=folder, ours=mine, theirs=theirs).facts)
    single, double = (facts["features"] for facts in found)
    rows = [
        (
            f"`{name}`",
            exact["rows"],
            _small(exact["largest"]),
            _small(single[name]["largest"]),
            exact["elsewhere"],
            _small(exact["largest_elsewhere"]),
        )
        for name, exact in double.items()
    ]
    headers = [
        "feature",
        "rows with a whole window",
        "difference",
        "to Float32",
        "rows with a part of it",
        "difference",
    ]
    only = f"{found[0]['only_ours']:,} rows are only ours, {found[0]['only_theirs']:,} only mlforecast's"
    return (
        f"Largest differences in units, store {stores[0]}; mlforecast on Float64 sales unless it says Float32. {only}."
        f"\n\n{table(headers, rows)}"
    )


def _costs(
    mine: Measured,
    kept: Measured,
    ahead: Measured,
    whole: Measured,
    single: Measured,
    double: Measured,
    apart: Measured,
) -> str:
    both = ("prepare", "features")
    rows = [
        _row("ours, the common features", mine, mine.total("features"), mine),
        _row("ours, the common features, all rows kept", kept, kept.total("features"), mine),
        _row("mlforecast Float32, from the same sales", single, single.total(*both), mine),
        _row("mlforecast Float64, from the same sales", double, double.total(*both), mine),
        _row("mlforecast Float32, store by store", apart, apart.total(*both), mine),
        _row("mlforecast Float32, `preprocess` alone", single, single.total("features"), mine),
        _row("ours, the common features at the dataset's horizon", ahead, ahead.total("features"), mine),
        _row("ours, every feature of sales at that horizon", whole, whole.total("features"), mine),
    ]
    headers = ["side", "features", "rows", "wall time, s", "peak, GB", "time to ours", "peak to ours"]
    extra = [name for name in whole.facts["columns"] if name not in mine.facts["columns"]]
    told = "Every feature of sales adds " + ", ".join(f"`{name}`" for name in extra) + "."
    return f"{table(headers, rows)}\n\n{told}"


def _row(name: str, side: Measured, seconds: float, mine: Measured) -> Sequence[object]:
    facts = side.facts
    times, memory = ratio(seconds, mine.total("features")), ratio(side.peak_gb, mine.peak_gb)
    return name, len(facts["columns"]), facts["rows"], seconds, side.peak_gb, times, memory


def _small(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.1g}"


if __name__ == "__main__":
    main()
