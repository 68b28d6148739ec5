"""The graph of `docs/architecture.md` in Dagster: assets, checks, partitions, sensors. The only room that knows it."""
