from __future__ import annotations

from pathlib import Path

import pytest

from retail_forecast.emulator import Cloud
from retail_forecast.lake import Lake, open_lake


@pytest.fixture(params=["folder", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """An empty lake, in a folder and on S3."""
    if request.param == "folder":
        return open_lake((tmp_path / "lake").as_uri())
    cloud: Cloud = request.getfixturevalue("aws_cloud")
    return open_lake(f"s3://{cloud.new_bucket()}/lake")


@pytest.fixture
def folder_lake(tmp_path: Path) -> Lake:
    """An empty lake in a folder, whose files a test may age."""
    return open_lake((tmp_path / "lake").as_uri())
