"""What of an environment there still is in the account: python -m deploy.leftovers ENVIRONMENT. 1 if there is anything.

Found by the tags of Terraform, of the cluster (EKS, the disks of pods) and of the load balancer controller, and by name
where services make things without tags (log groups). What was deleted and is listed for a while longer does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.commands import exit_with, say
from retail_forecast.aws import aws_client, aws_errors
from retail_forecast.errors import ConfigurationError

ENVIRONMENTS = ("dev", "prod")
_GONE = {"terminated", "deleted", "deleting", "shutting-down", "PendingDeletion"}


@dataclass(frozen=True)
class Account:
    """An environment's name in it, and clients of the region."""

    environment: str
    region: str

    def __post_init__(self) -> None:
        if self.environment not in ENVIRONMENTS:
            raise ConfigurationError(key="ENVIRONMENT", found=self.environment, expected="dev or prod")

    @property
    def name(self) -> str:
        """Of the cluster, and the beginning of most others."""
        return f"retail-forecast-{self.environment}"

    def client(self, service: str) -> Any:
        """A client of one service."""
        return aws_client(service, region=self.region, attempts=3)


def main() -> int:
    """Names what is there; 0 if that is nothing but the data."""
    parser = argparse.ArgumentParser(prog="deploy.leftovers", description="Looks for what an environment left behind.")
    parser.add_argument("environment")
    parser.add_argument("--region", default="ap-southeast-1")
    parser.add_argument("--data", action="store_true", help="the buckets of lake and logs and their keys count too")
    given = parser.parse_args()
    return report(Account(given.environment, given.region), data_counts=given.data)


def report(account: Account, *, data_counts: bool = False) -> int:
    """Tells of each leftover; 1 if there is one. The buckets of lake and logs and their keys are kept on purpose."""
    found = find_leftovers(account)
    kept = set() if data_counts else {arn for arn in found if _is_data(account, arn)}
    left = [arn for arn in found if arn not in kept]
    for word, arns in (("kept", sorted(kept)), ("left", left)):
        for arn in arns:
            say(f"{word}  {arn}")
    if left:
        say(
            f"fail  {len(left)} of {account.name} are left in {account.region}; they cost money until they are deleted."
        )
    else:
        say(f"ok    nothing else of {account.name} is left in {account.region}")
    return 1 if left else 0


def find_leftovers(account: Account) -> list[str]:
    """ARNs of all that there is, in order."""
    with aws_errors(f"what is tagged {account.name}"):
        tagged = set(_tagged(account))
        named = set(_log_groups(account)) | set(_roles(account))
        gone = _gone(account, tagged)
    return sorted((tagged - gone) | named)


def find_load_balancers(account: Account) -> list[str]:
    """ARNs of the load balancers that the cluster's controller made, with their target groups and security groups."""
    with aws_errors(f"load balancers of {account.name}"):
        return sorted(_with_tags(account, {"elbv2.k8s.aws/cluster": account.name}))


def wait_until_gone(account: Account, *, seconds: float, poll_seconds: float = 10) -> list[str]:
    """The load balancers that are left after at most so many seconds."""
    deadline = time.monotonic() + seconds
    while (left := find_load_balancers(account)) and time.monotonic() < deadline:
        time.sleep(poll_seconds)
    return left


def _tagged(account: Account) -> Iterator[str]:
    name = account.name
    yield from _with_tags(account, {"Project": "retail-forecast", "Environment": account.environment})
    yield from _with_tags(account, {f"kubernetes.io/cluster/{name}": None})
    for key in ("elbv2.k8s.aws/cluster", "aws:eks:cluster-name", "KubernetesCluster"):
        yield from _with_tags(account, {key: name})


def _with_tags(account: Account, tags: dict[str, str | None]) -> Iterator[str]:
    filters = [{"Key": key, **({"Values": [value]} if value else {})} for key, value in tags.items()]
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=filters)
    for page in pages:
        for one in page["ResourceTagMappingList"]:
            yield str(one["ResourceARN"])


def _log_groups(account: Account) -> Iterator[str]:
    """Services make these anew when something writes after Terraform has deleted them."""
    pages = account.client("logs").get_paginator("describe_log_groups").paginate()
    for page in pages:
        for group in page["logGroups"]:
            if account.name in group["logGroupName"]:
                yield str(group["arn"]).removesuffix(":*")


def _roles(account: Account) -> Iterator[str]:
    """Roles are global and are not found by tag in a region."""
    for page in account.client("iam").get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if role["RoleName"].startswith(f"{account.name}-"):
                yield str(role["Arn"])


def _is_data(account: Account, arn: str) -> bool:
    """Whether it is one of the two buckets, or a key by the alias that Terraform gave it."""
    service, identity = arn.split(":")[2], arn.rsplit("/", 1)[-1]
    if service == "s3":
        return arn.startswith(tuple(f"arn:aws:s3:::{account.name}-{one}-" for one in ("lake", "logs")))
    if service != "kms":
        return False
    aliases = account.client("kms").list_aliases(KeyId=identity)["Aliases"]
    return bool({one["AliasName"] for one in aliases} & {f"alias/{account.name}-{one}" for one in ("data", "logs")})


def _gone(account: Account, arns: set[str]) -> set[str]:
    """Those that are deleted, or will be by themselves, and are only listed still."""
    return {arn for arn in arns if _state(account, arn) in _GONE}


def _state(account: Account, arn: str) -> str:
    service, _, resource = arn.split(":")[2], *arn.split(":", 5)[4:]
    kind, _, identity = resource.partition("/")
    if service == "kms" and kind == "key":
        return str(account.client("kms").describe_key(KeyId=arn)["KeyMetadata"]["KeyState"])
    if service == "ec2" and kind == "instance":
        found = account.client("ec2").describe_instances(InstanceIds=[identity])["Reservations"]
        return str(found[0]["Instances"][0]["State"]["Name"]) if found else "terminated"
    if service == "ec2" and kind == "natgateway":
        found = account.client("ec2").describe_nat_gateways(NatGatewayIds=[identity])["NatGateways"]
        return str(found[0]["State"]) if found else "deleted"
    return "there"


if __name__ == "__main__":
    exit_with(main)
