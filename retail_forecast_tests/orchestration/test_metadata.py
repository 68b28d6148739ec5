"""What the UI shows of a result."""

from __future__ import annotations

import polars as pl

from retail_forecast.orchestration.metadata import frame_metadata


def test_the_first_rows_of_a_result_are_legible() -> None:
    metadata = frame_metadata(
        pl.DataFrame({"level": ["total", None], "value": [190.5081945614698, 0.43198528797188146]})
    )
    rows = [record.data for record in metadata["first rows"].records]
    assert rows == [{"level": "total", "value": "190.51"}, {"level": "", "value": "0.43199"}]
    assert metadata["dagster/row_count"] == 2
