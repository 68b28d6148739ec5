"""Benchmarks that anyone can run, against named peers in the same run: `make bench` for the short form."""
