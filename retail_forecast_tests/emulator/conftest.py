from __future__ import annotations

from pathlib import Path

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast_tests.emulator.jobs import Desk


@pytest.fixture
def desk(running_cloud: Cloud, tmp_path: Path) -> Desk:
    """A bucket of the test's own, and training jobs over it."""
    return Desk(running_cloud, tmp_path, running_cloud.new_bucket())
