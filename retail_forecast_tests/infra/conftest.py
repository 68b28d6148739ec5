from __future__ import annotations

from retail_forecast_tests.serving.conftest import world  # noqa: F401  a fixture
