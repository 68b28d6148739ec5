"""Jobs on a machine without namespaces, and jobs whose emulator is gone."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from retail_forecast.emulator import Cloud, run_cloud
from retail_forecast_tests.emulator.jobs import Desk


def desk_of(cloud: Cloud, folder: Path) -> Desk:
    return Desk(cloud, folder, cloud.new_bucket())


def test_without_namespaces_a_job_is_told_its_folder(tmp_path: Path) -> None:
    with run_cloud(tmp_path / "cloud", options=["--no-namespaces"]) as cloud:
        desk = desk_of(cloud, tmp_path)
        name = desk.start("print(ML); (ML / 'model/one').write_text('1')")
        assert desk.archive(desk.finish(name)["ModelArtifacts"]["S3ModelArtifacts"]) == {"one": "1"}
        assert desk.log_of(name) == [str(cloud.folder / "jobs" / name / "attempt-1" / "algo-1" / "ml")]
        two = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
        assert "2 instances need Linux namespaces" in desk.finish(desk.start("", ResourceConfig=two))["FailureReason"]


@pytest.mark.parametrize("options", [[], ["--no-namespaces"]], ids=["namespaces", "no namespaces"])
def test_a_job_does_not_outlive_a_killed_emulator(tmp_path: Path, options: list[str]) -> None:
    with run_cloud(tmp_path / "cloud", options=options) as cloud:
        desk = desk_of(cloud, tmp_path)
        desk.await_line(desk.start("print('under way'); time.sleep(600)"), "under way")
        (emulator,) = [process for process in psutil.Process().children() if str(cloud.folder) in process.cmdline()]
        family = emulator.children(recursive=True)
        assert any(str(tmp_path) in " ".join(process.cmdline()) for process in family)
        emulator.kill()
    _gone, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
