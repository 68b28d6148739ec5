"""The cloud on a laptop: a moto server in which SageMaker training really runs. `run_cloud` starts one for a test.

It imports nothing else of Retail Forecast, so that it can be taken for tests of anything under SageMaker's contract.
"""

from __future__ import annotations

from retail_forecast.emulator.cloud import Cloud, CloudControlError, CloudNotStartedError, run_cloud

__all__ = ["Cloud", "CloudControlError", "CloudNotStartedError", "run_cloud"]
