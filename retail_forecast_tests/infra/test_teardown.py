"""`make teardown` and `make audit`: their commands by stand-ins, what is left in the emulated AWS."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.leftovers import Account, find_leftovers, report, wait_until_gone
from retail_forecast.emulator import Cloud
from retail_forecast.errors import ConfigurationError
from retail_forecast_tests.infra.stand_ins import StandIns

COMMAND = [sys.executable, "-m", "deploy.teardown"]
STATE = """aws_eks_cluster.this
aws_kms_alias.this["data"]
aws_kms_alias.this["platform"]
aws_kms_key.data
aws_kms_key.platform
aws_s3_bucket.lake
aws_s3_bucket.logs
aws_s3_bucket_policy.lake
aws_vpc.this
"""
TAGS = {"Project": "retail-forecast", "Environment": "dev"}


@pytest.fixture
def tools(tmp_path: Path, aws_cloud: Cloud) -> StandIns:
    """The environment dev as Terraform and the cluster tell of it, beside an account in which nothing of it is."""
    tools = StandIns(tmp_path / "bin", aws_cloud.environment())
    for name in ("aws", "kubectl", "helm"):
        tools.add(name)
    tools.add(
        "terraform",
        f"""case $all in
        *"output -raw cluster_name") echo retail-forecast-dev ;;
        *"output -raw lake_bucket") echo retail-forecast-dev-lake-1 ;;
        *"state list") echo '{STATE}' ;;
        esac""",
    )
    return tools


@pytest.fixture
def tagged(aws_cloud: Cloud) -> Iterator[Any]:
    """Makes tagged queues, and takes them away after the test."""
    sqs, urls = aws_cloud.client("sqs"), list[str]()

    def make(tags: dict[str, str]) -> str:
        urls.append(sqs.create_queue(QueueName=f"leftover-{uuid.uuid4().hex[:8]}", tags=tags)["QueueUrl"])
        return str(sqs.get_queue_attributes(QueueUrl=urls[-1], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    yield make
    for url in urls:
        sqs.delete_queue(QueueUrl=url)


def account() -> Account:
    return Account("dev", "ap-southeast-1")


def verbs(tools: StandIns) -> list[str]:
    """The calls that change something, shortened."""
    changing = [
        call for call in tools.calls if not any(word in call for word in ("output", "describe", "kubeconfig", "list"))
    ]
    return [
        " ".join(word for word in call.split() if word[0] != "-" or "target" in word or "all" in word)
        for call in changing
    ]


def test_it_goes_from_what_asks_for_load_balancers_to_the_network(tools: StandIns) -> None:
    done = tools.run([*COMMAND, "dev"])
    assert done.returncode == 0, done.stderr
    called = [call.split("retail-forecast ", 1)[-1] if "kubectl" in call else call for call in verbs(tools)]
    starts = [
        "delete ingress",
        "delete rayservice,rayjob,raycluster",
        "delete service",
        "helm uninstall",
        "delete pod,persistentvolumeclaim",
        "terraform state rm",
        "terraform destroy -target=aws_eks_node_group.this",
        "terraform destroy -target=aws_eks_addon.this -target=aws_eks_addon.network",
        "terraform destroy",
    ]
    assert len(called) == len(starts)
    assert [call for call, start in zip(called, starts, strict=True) if not call.startswith(start)] == []


def test_the_lake_stays_with_its_key_and_its_policy_and_the_logs_with_theirs(tools: StandIns) -> None:
    assert tools.run([*COMMAND, "dev"]).returncode == 0
    (kept,) = [call for call in tools.calls if "state rm" in call]
    buckets = "aws_s3_bucket.lake aws_s3_bucket.logs aws_s3_bucket_policy.lake"
    assert kept.endswith(f'state rm aws_kms_alias.this["data"] aws_kms_key.data {buckets}')
    assert [call for call in tools.calls if "allow_destroy_data" in call] == []


def test_the_lake_goes_when_it_is_asked_for_by_its_name(tools: StandIns) -> None:
    assert tools.run([*COMMAND, "dev", "--delete-lake", "retail-forecast-dev-lake-1"]).returncode == 0
    assert [call for call in tools.calls if "state rm" in call] == []
    assert (
        len([call for call in tools.calls if "allow_destroy_data=true" in call]) == 4
    )  # once to apply, then 3 destroys


def test_a_lake_of_another_name_stops_everything(tools: StandIns) -> None:
    done = tools.run([*COMMAND, "dev", "--delete-lake", "retail-forecast-prod-lake-1"])
    assert (done.returncode, verbs(tools)) == (1, [])
    assert "The lake is 'retail-forecast-dev-lake-1'" in done.stderr


def test_terraform_of_another_environment_stops_everything(tools: StandIns) -> None:
    tools.add("terraform", "echo retail-forecast-prod")
    done = tools.run([*COMMAND, "dev"])
    assert (done.returncode, verbs(tools)) == (1, [])
    assert "set to retail-forecast-prod, not retail-forecast-dev" in done.stderr


@pytest.mark.parametrize("words", [["prod"], ["prod", "--destroy", "yes"]])
def test_prod_refuses_unless_it_is_named(tools: StandIns, words: list[str]) -> None:
    done = tools.run([*COMMAND, *words])
    assert (done.returncode, tools.calls) == (2, [])
    assert "DESTROY=retail-forecast-prod" in done.stdout


def test_prod_that_is_named_loses_its_protection_before_anything_is_destroyed(tools: StandIns) -> None:
    tools.add("terraform", "case $all in *cluster_name) echo retail-forecast-prod ;; esac")
    assert tools.run([*COMMAND, "prod", "--destroy", "retail-forecast-prod"]).returncode == 0
    unprotect = next(i for i, call in enumerate(tools.calls) if "--no-deletion-protection" in call)
    destroy = next(i for i, call in enumerate(tools.calls) if "destroy" in call)
    assert unprotect < destroy


def test_a_teardown_that_was_cut_off_goes_on_without_the_cluster(tools: StandIns) -> None:
    tools.add("aws", 'echo "ResourceNotFoundException: No cluster found" >&2; exit 254')
    assert tools.run([*COMMAND, "dev"]).returncode == 0
    assert tools.calls_of("kubectl", "helm") == []


def test_a_step_that_fails_ends_it_there(tools: StandIns) -> None:
    tools.add("helm", "exit 1")
    assert tools.run([*COMMAND, "dev"]).returncode == 1
    assert [call for call in tools.calls if "destroy" in call] == []


def test_leftovers_end_a_teardown_with_1_and_their_names(tools: StandIns, tagged: Any) -> None:
    arn = tagged(TAGS)
    done = tools.run([*COMMAND, "dev"])
    assert done.returncode == 1
    assert f"left  {arn}" in done.stdout


def test_a_load_balancer_that_stays_is_waited_for_and_named(aws_cloud: Cloud, tagged: Any) -> None:
    arn = tagged({"elbv2.k8s.aws/cluster": "retail-forecast-dev"})
    assert wait_until_gone(account(), seconds=0) == [arn]
    assert wait_until_gone(Account("prod", "ap-southeast-1"), seconds=0) == []


@pytest.mark.parametrize(
    "tags",
    [TAGS, {"kubernetes.io/cluster/retail-forecast-dev": "owned"}, {"aws:eks:cluster-name": "retail-forecast-dev"}],
)
def test_leftovers_are_found_by_the_tags_of_whoever_made_them(
    aws_cloud: Cloud, tagged: Any, tags: dict[str, str]
) -> None:
    arn = tagged(tags)
    assert arn in find_leftovers(account())
    assert arn not in find_leftovers(Account("prod", "ap-southeast-1"))


def test_leftovers_without_tags_are_found_by_name(aws_cloud: Cloud) -> None:
    logs, group = aws_cloud.client("logs"), "/aws/eks/retail-forecast-dev/cluster"
    logs.create_log_group(logGroupName=group)
    try:
        assert [arn for arn in find_leftovers(account()) if group in arn] != []
    finally:
        logs.delete_log_group(logGroupName=group)


def test_what_is_deleted_already_does_not_count(aws_cloud: Cloud) -> None:
    kms = aws_cloud.client("kms")
    key = kms.create_key(Tags=[{"TagKey": name, "TagValue": value} for name, value in TAGS.items()])["KeyMetadata"]
    assert key["Arn"] in find_leftovers(account())
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    assert key["Arn"] not in find_leftovers(account())


def test_the_data_is_told_of_and_counts_only_when_asked_for(
    aws_cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    s3, bucket = aws_cloud.client("s3"), f"retail-forecast-dev-lake-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws_cloud.region})
    tags = [{"Key": name, "Value": value} for name, value in TAGS.items()]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    try:
        assert report(account()) == 0
        assert f"kept  arn:aws:s3:::{bucket}" in capsys.readouterr().out
        assert report(account(), data_counts=True) == 1
    finally:
        s3.delete_bucket(Bucket=bucket)


def test_another_environment_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="dev or prod"):
        Account("staging", os.environ["AWS_DEFAULT_REGION"])
