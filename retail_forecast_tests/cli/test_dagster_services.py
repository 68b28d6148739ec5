"""Whether Dagster's own processes are ready."""

from __future__ import annotations

from retail_forecast.cli.dagster_services import definitions_loaded


def test_a_ui_that_does_not_answer_has_not_loaded_its_definitions_yet() -> None:
    assert not definitions_loaded("http://127.0.0.1:9")
