"""`python -m retail_forecast`: the same as `retail-forecast`."""

from __future__ import annotations

from retail_forecast.cli import main

main()
