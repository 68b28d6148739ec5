"""Removes an environment in the order that works: python -m deploy.teardown ENVIRONMENT. 1 if anything is left.

Load balancers and disks are made by controllers in the cluster, and only those can take them away; a VPC with a load
balancer in it cannot be deleted. So: what asks for them first, then the release, the nodes, the add-ons, all else.

The buckets of lake and logs stay with their keys, out of Terraform's state, unless --delete-lake names the lake.
prod is protected: --destroy has to name it.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass

from deploy.commands import CommandError, exit_with, run, say, show
from deploy.leftovers import Account, report, wait_until_gone
from retail_forecast.errors import RetailForecastError

NAMESPACE = "retail-forecast"
_TERRAFORM = ["terraform", "-chdir=terraform"]
# Without its key a bucket cannot be read, and without its policy anybody of the account may delete from it.
_KEPT = re.compile(r'aws_s3_bucket\w*\.(lake|logs)|aws_kms_key\.(data|logs)|aws_kms_alias\.this\["(data|logs)"\]')
_ADD_ONS = ("aws_eks_addon.this", "aws_eks_addon.network")


class RefusedError(RetailForecastError):
    """A teardown that was not asked for clearly enough."""


@dataclass(frozen=True)
class Teardown:
    """One environment on its way out. delete_lake: the name of the lake's bucket, to delete it too."""

    account: Account
    delete_lake: str | None = None
    balancer_seconds: float = 900

    def run(self) -> int:
        """All steps, and the audit's status."""
        self.check()
        if self.has_cluster():
            self.empty_cluster()
        if self.account.environment == "prod":
            self.unprotect()
        if not self.delete_lake:
            self.keep_data()
        self.destroy()
        return report(self.account, data_counts=self.delete_lake is not None)

    def check(self) -> None:
        """Raises RefusedError where Terraform is set to another environment, or the lake has another name."""
        found = self._output("cluster_name")
        if found != self.account.name:
            raise RefusedError(
                f"terraform/ is set to {found or 'nothing'}, not {self.account.name}: run terraform init for it."
            )
        lake = self._output("lake_bucket")
        if self.delete_lake is not None and self.delete_lake != lake:
            raise RefusedError(f"The lake is {lake!r}, not {self.delete_lake!r}: nothing was deleted.")

    def has_cluster(self) -> bool:
        """Whether the cluster is there; a teardown that was cut off may have removed it."""
        try:
            run(["aws", "eks", "describe-cluster", "--region", self.account.region, "--name", self.account.name])
        except CommandError as error:
            if "ResourceNotFoundException" in error.output:
                return False
            raise
        return True

    def empty_cluster(self) -> None:
        """Ingress and RayService, until their load balancers are gone; then the release and its disks."""
        region, name = self.account.region, self.account.name
        show(["aws", "eks", "update-kubeconfig", "--region", region, "--name", name])
        for kinds in (
            ["ingress"],
            ["rayservice,rayjob,raycluster"],
            ["service", "--field-selector=spec.type=LoadBalancer"],
        ):
            self._kubectl(
                "delete", *kinds, *([] if len(kinds) > 1 else ["--all"]), "--ignore-not-found", "--timeout=600s"
            )
        if left := wait_until_gone(self.account, seconds=self.balancer_seconds):
            text = f"{left[0]} and {len(left) - 1} others are still there after {self.balancer_seconds:.0f} s. "
            raise RetailForecastError(text + "See the log of aws-load-balancer-controller, then run this again.")
        show(
            [
                "helm",
                "uninstall",
                NAMESPACE,
                "--namespace",
                NAMESPACE,
                "--ignore-not-found",
                "--wait",
                "--timeout",
                "15m",
            ]
        )
        self._kubectl("delete", "pod,persistentvolumeclaim", "--all", "--ignore-not-found", "--timeout=600s")

    def unprotect(self) -> None:
        """Takes the protection against deletion off the database, the cluster and the images."""
        region, name = ["--region", self.account.region], self.account.name
        database = ["--db-instance-identifier", f"{name}-dagster", "--no-deletion-protection", "--apply-immediately"]
        show(["aws", "rds", "modify-db-instance", *region, *database])
        show(["aws", "eks", "update-cluster-config", *region, "--name", name, "--no-deletion-protection"])
        for role in ("orchestrator", "serving", "training"):
            show(
                ["aws", "ecr", "delete-repository", *region, "--repository-name", f"retail-forecast/{role}", "--force"]
            )

    def keep_data(self) -> None:
        """Takes the buckets and their keys out of Terraform's hands."""
        addresses = [one for one in run([*_TERRAFORM, "state", "list"]).splitlines() if _KEPT.fullmatch(one)]
        if addresses:
            show([*_TERRAFORM, "state", "rm", *addresses])

    def destroy(self) -> None:
        """Nodes, add-ons, and all that is left."""
        targets = [["aws_eks_node_group.this"], list(_ADD_ONS), []]
        more = ["-var", "allow_destroy_data=true"] if self.delete_lake else []
        if self.delete_lake:  # buckets are emptied by what the state says of them
            show(
                [
                    *_TERRAFORM,
                    "apply",
                    *self._given(),
                    *more,
                    "-target=aws_s3_bucket.lake",
                    "-target=aws_s3_bucket.logs",
                ]
            )
        for addresses in targets:
            show([*_TERRAFORM, "destroy", *self._given(), *more, *(f"-target={one}" for one in addresses)])

    def _given(self) -> list[str]:
        return ["-input=false", "-auto-approve", f"-var-file=environments/{self.account.environment}.tfvars"]

    def _output(self, name: str) -> str:
        return run([*_TERRAFORM, "output", "-raw", name]).strip()

    def _kubectl(self, *words: str) -> None:
        show(["kubectl", "--namespace", NAMESPACE, *words])


def main() -> int:
    """Status 0 if nothing is left, 1 if something is or a step failed, 2 if it was not asked for clearly enough."""
    parser = argparse.ArgumentParser(prog="deploy.teardown", description="Removes an environment.")
    parser.add_argument("environment", help="dev or prod")
    parser.add_argument("--region", default="ap-southeast-1")
    parser.add_argument("--destroy", metavar="NAME", help="for prod: retail-forecast-prod")
    parser.add_argument("--delete-lake", metavar="BUCKET", help="delete the lake too, with every version of all data")
    given = parser.parse_args()
    account = Account(given.environment, given.region)
    if given.environment == "prod" and given.destroy != account.name:
        say(f"prod is protected. To remove it for good: make teardown ENVIRONMENT=prod DESTROY={account.name}")
        return 2
    return Teardown(account, given.delete_lake).run()


if __name__ == "__main__":
    exit_with(main)
