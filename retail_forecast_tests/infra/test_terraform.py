"""What is promised of the infrastructure fails when it is broken, and roles have the documented permissions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from retail_forecast_tests.infra.planned import planned
from retail_forecast_tests.infra.terraform import ROOT, SOURCE, missing_source, prepared

pytestmark = pytest.mark.skipif(bool(missing_source()), reason=missing_source() or "")

PERMISSIONS = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Broken:
    """A mistake: in which file `old` becomes `new`, and which suite (or `validate`) says what about it."""

    file: str
    old: str
    new: str
    suite: str
    message: str


BROKEN = {
    "a misspelt argument": Broken(
        "eks.tf", "deletion_protection ", "deletion_protecton ", "validate", '"deletion_protecton" is not expected here'
    ),
    "a role without a boundary": Broken(
        "sagemaker.tf",
        "  permissions_boundary = local.permissions_boundary\n",
        "",
        "roles",
        "Every role is bounded.",
    ),
    "a public bucket": Broken(
        "lake.tf",
        "block_public_acls       = true",
        "block_public_acls       = false",
        "data",
        "A bucket can be made public.",
    ),
    "an alarm without an action": Broken(
        "alarms.tf",
        "  alarm_actions       = [aws_sns_topic.alarms.arn]\n",
        "",
        "telling",
        "An alarm tells nobody.",
    ),
    "an unencrypted database": Broken(
        "database.tf",
        "storage_encrypted     = true",
        "storage_encrypted     = false",
        "database",
        "The database is encrypted with the platform's key.",
    ),
    "a rule that expires data": Broken(
        "lake.tf",
        "    transition {\n      days          = 0",
        "    expiration {\n      days = 365\n    }\n\n    transition {\n      days          = 0",
        "data",
        "A rule of the lake deletes data that is in force.",
    ),
    "a wildcard action": Broken(
        "workload_roles.tf",
        'Action   = ["s3:GetObject"]',
        'Action   = ["s3:Get*"]',
        "roles",
        "No policy of a role has a wildcard action.",
    ),
    "a single zone": Broken(
        "locals.tf",
        "0, var.zone_count)",
        "0, 1)",
        "network",
        "Public, private and database subnets lie in three zones.",
    ),
    "a queue without dead letters": Broken(
        "events.tf",
        "  redrive_policy = jsonencode({\n    deadLetterTargetArn = aws_sqs_queue.arrivals_dead_letter.arn\n"
        "    maxReceiveCount     = 10\n  })\n",
        "",
        "data",
        "What makes whole ticks fail does not end in the dead-letter queue",
    ),
    "a Kubernetes API that everybody reaches": Broken(
        "eks.tf",
        "endpoint_public_access  = length(var.cluster_public_access_cidrs) > 0",
        "endpoint_public_access  = true",
        "cluster",
        "The Kubernetes API is reached from the VPC alone.",
    ),
    "a role that any pod can take": Broken(
        "pod_identity.tf",
        '          "aws:RequestTag/kubernetes-service-account" = each.value.service_account\n',
        "",
        "roles",
        "A role of pods is taken by one service account of this cluster and by nobody else.",
    ),
    "a permission on everything": Broken(
        "workload_roles.tf",
        "Resource = [aws_sqs_queue.arrivals.arn]",
        'Resource = ["*"]',
        "roles",
        "An action on every resource is not listed here with its reason",
    ),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_mistake_fails_the_test_that_is_named_for_it(mistake: str, tmp_path: Path) -> None:
    broken = BROKEN[mistake]
    terraform = prepared().copy_to(tmp_path / "terraform")
    file = terraform.folder / broken.file
    text = file.read_text(encoding="utf-8")
    assert broken.old in text, f"{broken.file} no longer has what this mistake breaks"
    file.write_text(text.replace(broken.old, broken.new, 1), encoding="utf-8")
    step = ["validate"] if broken.suite == "validate" else ["test", f"-filter=tests/{broken.suite}.tftest.hcl"]
    ended = terraform.run(*step, "-no-color")
    assert ended.returncode != 0
    assert broken.message in " ".join((ended.stdout + ended.stderr).replace("│", " ").split())


ANY_ENVIRONMENT = """
mock_provider "aws" {
  source          = "./tests/aws"
  override_during = plan
}

run "planned" {
  command = plan
}
"""


@pytest.mark.parametrize(("environment", "zones", "ways_out"), [("dev", 2, 1), ("prod", 3, 3)])
def test_an_environment_is_planned_from_its_file(environment: str, zones: int, ways_out: int, tmp_path: Path) -> None:
    terraform = prepared().copy_to(tmp_path / "terraform")
    (terraform.folder / "tests" / "any.tftest.hcl").write_text(ANY_ENVIRONMENT, encoding="utf-8")
    plan = terraform.plan_of("any", "planned", f"-var-file=environments/{environment}.tfvars")
    made = [one["type"] for one in plan["resource_changes"]]
    assert (made.count("aws_nat_gateway"), made.count("aws_eks_node_group")) == (ways_out, zones + 1)


def roles(kind: str) -> dict[str, dict[str, Any]]:
    """Roles, or their policies, of an environment that has everything: a domain, MLflow."""
    return planned(kind, "roles", "no_role_may_more_than_it_has_to")


def test_every_role_whoever_adds_it_is_bounded() -> None:
    made = roles("aws_iam_role")
    assert len(made) >= 14
    assert [address for address, role in made.items() if not role.get("permissions_boundary")] == []


def test_every_policy_of_a_role_whoever_adds_it_names_its_actions() -> None:
    policies = roles("aws_iam_role_policy")
    wild = {address for address, policy in policies.items() for action in actions(policy) if "*" in action}
    assert wild == set()


@pytest.mark.parametrize("file", sorted(SOURCE.glob("*.tf")), ids=lambda file: str(file.name))
def test_a_statement_on_every_resource_says_why(file: Path) -> None:
    opened = re.split(r"^ *(?:\w+ = )?\{$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    wide = [text for text in opened if re.search(r'Resource\s*= \["\*"\]', text)]
    assert [text for text in wide if not text.lstrip().startswith('# "*": ')] == []


def actions(policy: dict[str, Any]) -> set[str]:
    return {action for statement in statements(policy) for action in statement["Action"]}


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(policy["policy"])["Statement"]
    return found


def documented(role: str) -> set[tuple[str, str]]:
    """Action and resource of every row of a role in docs/permissions.md."""
    rows = rf"^\| {re.escape(role)} \| `([^`]+)` \| `([^`]+)` \|"
    return {(action, on) for action, on in re.findall(rows, PERMISSIONS, flags=re.MULTILINE)}


ROLES = {
    "orchestrator": 'aws_iam_role_policy.workload["orchestrator"]',
    "training job": "aws_iam_role_policy.sagemaker",
    "endpoint": 'aws_iam_role_policy.workload["serving"]',
    "Ray workers": 'aws_iam_role_policy.workload["training"]',
    "metrics": 'aws_iam_role_policy.workload["metrics"]',
}
NOT_GRANTED = {("s3:PutObject", "BUCKET/landing/*"), ("s3:DeleteObject", "BUCKET")}  # the page says why


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_documented_actions_and_no_others(role: str) -> None:
    granted = actions(roles("aws_iam_role_policy")[ROLES[role]])
    assert granted == {action for action, _ in documented(role) - NOT_GRANTED}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_the_documented_folders_and_no_others(role: str) -> None:
    granted = {
        (action, re.sub(r"^arn:aws:s3:::[^/]+", "BUCKET", resource))
        for statement in statements(roles("aws_iam_role_policy")[ROLES[role]])
        for action in statement["Action"]
        for resource in statement["Resource"]
        if action.startswith("s3:")
    }
    assert granted == {(action, on) for action, on in documented(role) - NOT_GRANTED if action.startswith("s3:")}


def test_the_documented_roles_are_those_that_terraform_makes() -> None:
    assert set(re.findall(r"^\| ([^|`]+) \| `", PERMISSIONS, flags=re.MULTILINE)) == ROLES.keys()
