"""What is particular to the registry in SageMaker: people who decide in AWS, pages, several who decide at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from retail_forecast.dataset import parse_dataset
from retail_forecast.emulator import Cloud
from retail_forecast.errors import ConfigurationError, RegistryError
from retail_forecast.registry import open_registry
from retail_forecast.registry.model_packages import CUTOFF, DIGEST, PackageGroup, fitting_properties
from retail_forecast.registry.sagemaker_registry import SageMakerRegistry
from retail_forecast.settings import Settings
from retail_forecast_tests.orchestration.world import DATASET
from retail_forecast_tests.registry.test_contract import fresh_sagemaker_registry, make_bundle


@pytest.fixture
def registry(aws_cloud: Cloud) -> SageMakerRegistry:
    return fresh_sagemaker_registry(aws_cloud)


@pytest.fixture
def client(aws_cloud: Cloud) -> Any:
    return aws_cloud.client("sagemaker")


def _register(registry: SageMakerRegistry, folder: Path, *texts: str) -> list[str]:
    """ARNs of bundles that hold these texts."""
    return [registry.register(make_bundle(folder / text, text), metrics={}, tags={}).resource for text in texts]


def test_a_package_says_what_it_is_made_of_and_by(registry: SageMakerRegistry, client: Any, tmp_path: Path) -> None:
    job = "arn:aws:sagemaker:ap-southeast-1:123456789012:training-job/train-1"
    made = registry.register(make_bundle(tmp_path / "a"), metrics={"wrmsse": 0.61}, tags={"training_job": job})
    package = client.describe_model_package(ModelPackageName=made.resource)
    (container,) = package["InferenceSpecification"]["Containers"]
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert container["Image"].startswith("123456789012.dkr.ecr.ap-southeast-1.amazonaws.com/retail-forecast-serving:")
    assert container["ModelDataUrl"].endswith(f"/{made.bundle_digest}/model.tar.gz")
    assert package["MetadataProperties"] == {"GeneratedBy": job}
    assert package["CustomerMetadataProperties"] == {
        DIGEST: made.bundle_digest,
        CUTOFF: "2024-05-01",
        "training_job": job,
        "metric.wrmsse": "0.61",
    }


def test_metrics_lie_in_s3_as_studio_reads_them(registry: SageMakerRegistry, aws_cloud: Cloud, tmp_path: Path) -> None:
    made = registry.register(make_bundle(tmp_path / "a"), metrics={"wrmsse": 0.61}, tags={})
    package = aws_cloud.client("sagemaker").describe_model_package(ModelPackageName=made.resource)
    bucket, key = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"].removeprefix("s3://").split("/", 1)
    stored = aws_cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert json.loads(stored) == {"regression_metrics": {"wrmsse": {"value": 0.61}}}


def test_a_decision_loses_nothing_of_what_is_known_of_a_package(registry: SageMakerRegistry, tmp_path: Path) -> None:
    made = registry.register(make_bundle(tmp_path / "a"), metrics={"wrmsse": 0.5}, tags={"request": "r1"})
    registry.reject(made.version, "Too old.")
    promoted = registry.promote(made.version)
    assert (promoted.metrics, promoted.tags) == (made.metrics, made.tags)


def test_a_reason_of_many_lines_is_one_line_of_1024_characters(registry: SageMakerRegistry, tmp_path: Path) -> None:
    made = registry.register(make_bundle(tmp_path / "a"), metrics={}, tags={})
    rejected = registry.reject(made.version, "Worse.\n" * 200)
    assert rejected.rejection == ("Worse. " * 200)[:1024]


def test_two_promotions_at_once_leave_one_champion(registry: SageMakerRegistry, tmp_path: Path) -> None:
    _register(registry, tmp_path, *"abcd")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(registry.promote, ["1", "2", "3", "4"]))
    assert sorted(found.stage for found in registry.versions()) == ["champion", "retired", "retired", "retired"]


def test_who_is_approved_in_aws_is_champion(registry: SageMakerRegistry, client: Any, tmp_path: Path) -> None:
    old, new = _register(registry, tmp_path, "x", "y")
    for arn in (old, new):
        client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        champion = registry.champion()
        assert champion is not None
        assert champion.resource == arn
    assert [found.stage for found in registry.versions()] == ["champion", "retired"]


def test_the_champion_that_is_rejected_in_aws_gives_way_to_the_one_before(
    registry: SageMakerRegistry, client: Any, tmp_path: Path
) -> None:
    for arn in _register(registry, tmp_path, "x", "y", "z"):
        client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription="Recall.")
    found = [(one.version, one.stage, one.rejection) for one in registry.versions()]
    assert found == [("3", "rejected", "Recall."), ("2", "champion", None), ("1", "retired", None)]


def test_the_same_bundle_from_four_at_once_is_one_version(registry: SageMakerRegistry, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "a")
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: registry.register(bundle, metrics={}, tags={}), range(4)))
    assert [found.version for found in registry.versions()] == ["1"]
    assert {found.version for found in made} == {"1"}


def test_packages_beyond_the_first_page_are_found(aws_cloud: Cloud) -> None:
    group = PackageGroup(aws_cloud.new_bucket("pages"), region=aws_cloud.region)
    group.ensure("Pages.")
    for number in range(101):  # a page has 100
        properties = {DIGEST: f"{number:064x}", CUTOFF: "2024-05-01"}
        group.create(
            f"{number:064x}", image="i", bundle_url="s3://b/m", metrics_url="s3://b/q", properties=properties, origin=""
        )
    assert [one.version for one in group.list()] == list(range(101, 0, -1))


def test_a_package_of_somebody_else_is_left_out(registry: SageMakerRegistry, client: Any, tmp_path: Path) -> None:
    (arn,) = _register(registry, tmp_path, "x")
    group = client.describe_model_package(ModelPackageName=arn)["ModelPackageGroupName"]
    client.create_model_package(ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    assert registry.champion() is None
    assert [found.resource for found in registry.versions()] == [arn]


def test_files_that_were_changed_are_not_handed_out(
    registry: SageMakerRegistry, aws_cloud: Cloud, tmp_path: Path
) -> None:
    _register(registry, tmp_path, "x", "y")
    first, second = registry._group.list()
    one, other = (registry._group.describe(listed.arn).bundle_url.removeprefix("s3://") for listed in (first, second))
    bucket, key = one.split("/", 1)
    aws_cloud.client("s3").copy_object(Bucket=bucket, Key=key, CopySource=other)
    with pytest.raises(RegistryError, match="were changed"):
        registry.fetch(str(first.version), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_more_metrics_than_a_package_holds_are_shown_as_far_as_they_fit() -> None:
    found = fitting_properties({"digest": "d", "cutoff": "c"}, {f"metric.{n}": "0" for n in range(60)})
    assert len(found) == 50
    assert {"digest", "cutoff", "metric.0", "metric.47"} <= set(found)


def test_the_settings_name_group_and_folder_after_dataset_and_lake(tmp_path: Path) -> None:
    (tmp_path / "dataset.yaml").write_text(parse_dataset({**DATASET, "name": "corner_shop"}).to_yaml())
    opened = open_registry(Settings(home=tmp_path, registry="sagemaker", lake_url="s3://data/lake"))
    assert isinstance(opened, SageMakerRegistry)
    assert (opened._group.name, opened._url) == ("retail-forecast-corner-shop", "s3://data/lake/registry")


def test_a_folder_that_sagemaker_cannot_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dataset.yaml").write_text(parse_dataset(DATASET).to_yaml())
    with pytest.raises(ConfigurationError, match=r"REGISTRY_URL.*S3 alone"):
        open_registry(Settings(home=tmp_path, registry="sagemaker"))
