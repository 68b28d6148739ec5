"""Every benchmark in its short form, as Markdown for docs/benchmarks.md.

    make bench
    python -m benchmarks --stores 24

The forms with M5 are run one by one: see benchmarks/features.py, end_to_end.py and scaling.py.
"""

from __future__ import annotations

from benchmarks import end_to_end, features, report, scaling

GROWTH_TREES = 60


def main() -> None:
    """Prints the three benchmarks on the same data."""
    parser = report.options(__doc__)
    parser.add_argument(
        "--trees", type=int, help="trees of each model (default: our recipe's; 60 where growth is shown)"
    )
    given, source = report.parsed(parser, None)
    sizes = scaling.sizes_of("0.1,0.33,1")
    print("### Features\n", features.run(source, given.home, given.cores, given.repeats), sep="\n", flush=True)
    print(
        "\n### Data to forecasts\n", end_to_end.run(source, given.home, given.cores, given.trees), sep="\n", flush=True
    )
    trees = given.trees or GROWTH_TREES
    grown = scaling.run(source, given.home, given.cores, sizes, trees)
    print(f"\n### Growth, {trees} trees\n", grown, sep="\n", flush=True)
    print("", report.setting("benchmarks"), sep="\n")


if __name__ == "__main__":
    main()
