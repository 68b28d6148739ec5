"""From data to forecasts of a horizon: ours, mlforecast with LightGBM, and statsforecast, scored on held-out days.

    python -m benchmarks.end_to_end
    python -m benchmarks.end_to_end --data m5 --archive m5-forecasting-accuracy.zip

Every side begins with the tables of the lake up to the cutoff, one horizon before the last day, and ends with means
of every series that had sold by then. Ours are the steps behind `retail-forecast run` without backtest and serving.
Each side runs in a process of its own; the seasonal naive forecast is the yardstick.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ours, peer_forecasts, report
from benchmarks.data import Source, cutoff_of, prepare
from benchmarks.measure import Measured, Result, measure
from benchmarks.scoring import YARDSTICK, score

PEERS = ("mlforecast", "statsforecast")
_LAPS = ("features", "training", "forecasts")


@dataclass(frozen=True)
class Side:
    """One contender: what its steps took."""

    name: str
    steps: tuple[Measured, ...]

    def seconds(self, *laps: str) -> float:
        """Wall time of these laps, or of all."""
        return sum(step.seconds.get(lap, 0.0) for step in self.steps for lap in laps or _LAPS)

    @property
    def peak_gb(self) -> float:
        """The peak of the step that needed most."""
        return max(step.peak_gb for step in self.steps)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = report.options(__doc__)
    parser.add_argument("--trees", type=int, help="trees of each model, ours and mlforecast's (default: our recipe's)")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="all of them")
    given, source = report.parsed(parser, arguments)
    made = run(source, given.home, given.cores, given.trees, given.peers)
    print(made, "\n\n", report.setting("benchmarks.end_to_end"), sep="")


def run(source: Source, home: Path, cores: int, trees: int | None = None, peers: Sequence[str] = PEERS) -> str:
    """The table as Markdown."""
    folder = prepare(source, home, cores=cores)
    cutoff = cutoff_of(folder).isoformat()
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as aside:
        out = {"ours": f"{aside}/ours.parquet"}
        sides = [Side("ours", our_steps(folder, cutoff, cores, out["ours"], trees))]
        for name, step, values in _peer_runs(peers, cores, trees):
            out[name] = f"{aside}/{name}.parquet"
            sides.append(
                Side(name, (measure(step, cores=cores, folder=folder, cutoff=cutoff, out=out[name], **values),))
            )
        scores = measure(score, cores=cores, folder=folder, cutoff=cutoff, predictions=out).facts
    return _table(sides, scores, cutoff)


def our_steps(
    folder: Path, cutoff: str, cores: int, out: str, trees: int | None = None
) -> tuple[Measured, Measured, Measured]:
    """Training features, training and forecasts, each in a process of its own."""
    same: Result = {"cores": cores, "folder": folder}
    features = measure(ours.training_features, **same, cutoff=cutoff, workers=cores)
    path = features.facts["path"]
    training = measure(ours.training, **same, feature_folder=path, workers=cores, trees=trees)
    return features, training, measure(ours.forecasts, **same, bundle=training.facts["path"], cutoff=cutoff, out=out)


def _peer_runs(
    peers: Sequence[str], cores: int, trees: int | None
) -> Iterator[tuple[str, Callable[..., Result], Result]]:
    """(name, step, its arguments). mlforecast runs with one thread and with all: which is quicker depends on how busy
    the machine is, since LightGBM's threads wait for each other.
    """
    if "mlforecast" in peers:
        for threads in sorted({1, cores}):
            name = f"mlforecast, {threads} thread{'s' if threads > 1 else ''}"
            yield name, peer_forecasts.mlforecast_lightgbm, {"threads": threads, "trees": trees}
    if "statsforecast" in peers:
        yield "statsforecast", peer_forecasts.statsforecast_ets, {"processes": cores}


def _table(sides: Sequence[Side], facts: Result, cutoff: str) -> str:
    mine, scores = sides[0], facts["scores"]
    rows = [
        (
            side.name,
            f"{scores[side.name]:.4f}",
            *(side.seconds(lap) or None for lap in _LAPS),
            side.seconds(),
            side.peak_gb,
            report.ratio(side.seconds(), mine.seconds()),
            report.ratio(side.peak_gb, mine.peak_gb),
        )
        for side in sides
    ]
    headers = ["side", "WRMSSE", "features, s", "training, s", "forecasts, s", "all, s", "peak, GB"]
    learned = "; ".join(f"{s.name} {len(s.steps[0].facts['columns'])}" for s in sides if s.steps[0].facts["columns"])
    filled = ", ".join(f"{name} {count}" for name, count in facts["filled"].items() if count)
    told = (
        f"{facts['series']:,} series, cutoff {cutoff}; {YARDSTICK}: {scores[YARDSTICK]:.4f}. Features: {learned}."
        + (f" Series without a forecast, counted as zero: {filled}." if filled else "")
    )
    return f"{report.table([*headers, 'time to ours', 'peak to ours'], rows)}\n\n{told}"


if __name__ == "__main__":
    main()
