"""The monthly bill of each environment, before it is there: python -m deploy.cost [--region REGION] [ENVIRONMENT…]

Quantities are those of terraform/environments/*.tfvars, prices and what else is assumed those of deploy/prices.toml.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.commands import exit_with, say
from deploy.tfvars import read_variables
from retail_forecast.errors import NotFoundError
from retail_forecast.settings import Settings
from retail_forecast.training.sagemaker.cost import prices as training_prices

ROOT = Path(__file__).parents[1]
TERRAFORM = ROOT / "terraform"


@dataclass(frozen=True)
class Price:
    """US dollars of one unit; `scaled` where it is another region's times a factor."""

    usd: float
    source: str
    scaled: bool = False


@dataclass(frozen=True)
class Item:
    """One line of a bill. quantity: units in a month; share: of the price that is paid."""

    name: str
    quantity: float
    unit: str
    price: Price
    share: float = 1.0

    @property
    def usd(self) -> float:
        """What it costs in a month."""
        return self.quantity * self.price.usd * self.share


@dataclass(frozen=True)
class PriceTable:
    """deploy/prices.toml in one region."""

    table: dict[str, Any]
    region: str

    def find(self, kind: str, name: str) -> Price:
        """The price of a thing. Raises NotFoundError naming what to add."""
        entry = self.table[kind].get(name)
        if entry is None:
            fix = f"Add it below [{kind}], with its source."
            raise NotFoundError(f"A price of {name!r} in deploy/prices.toml", fix=fix)
        if self.region in entry:
            return Price(entry[self.region], entry["source"])
        return self._scaled(entry["us-east-1"], entry["source"])

    def training(self, instance_type: str) -> Price:
        """An hour of a training instance, from the table that training itself goes by."""
        regions = training_prices()["regions"]
        if instance_type in regions.get(self.region, {}):
            return Price(regions[self.region][instance_type], "sagemaker")
        if instance_type not in regions["us-east-1"]:
            what = f"A price of {instance_type!r} in retail_forecast/training/sagemaker/prices.json"
            raise NotFoundError(what, fix="Add it there, with its source.")
        return self._scaled(regions["us-east-1"][instance_type], "sagemaker")

    def _scaled(self, usd: float, source: str) -> Price:
        factor = self.table["factors"].get(self.region)
        if factor is None:
            what = f"A factor for {self.region!r} in deploy/prices.toml"
            raise NotFoundError(what, fix="Add it below [factors], with its source.")
        return Price(usd * factor["value"], source, scaled=factor["value"] != 1)


def main() -> int:
    """Prints a table for each environment."""
    parser = argparse.ArgumentParser(prog="deploy.cost", description="Estimates the monthly bill of environments.")
    parser.add_argument("environments", nargs="*", help="default all of terraform/environments")
    parser.add_argument("--region", help="default the region of the environment")
    given = parser.parse_args()
    table = tomllib.loads((ROOT / "deploy" / "prices.toml").read_text(encoding="utf-8"))
    names = given.environments or sorted(file.stem for file in (TERRAFORM / "environments").glob("*.tfvars"))
    for name in names:
        variables = read_variables(TERRAFORM, TERRAFORM / "environments" / f"{name}.tfvars")
        prices = PriceTable(table, given.region or variables["region"])
        for line in report(name, prices, list(estimate(variables, prices, table["assumptions"]))):
            say(line)
    return 0


def estimate(variables: dict[str, Any], prices: PriceTable, assumed: dict[str, Any]) -> Iterator[Item]:
    """The lines of the bill of an environment."""
    own, hours = assumed[variables["environment"]], assumed["hours"]
    yield Item("control plane", hours, "h", prices.find("hour", "eks"))
    yield from _nodes(variables, prices, assumed)
    yield from _network(variables, prices, assumed)
    database = variables["database"]
    copies = 2 if database["multi_az"] else 1
    yield Item(
        f"database, {copies} x {database['instance_class']}",
        copies * hours,
        "h",
        prices.find("hour", database["instance_class"]),
    )
    yield Item("database's disks", copies * database["storage_gb"], "GB", prices.find("gigabyte", "database-disk"))
    instance = Settings.model_fields["training_instance_type"].default
    yield Item(
        f"training, {instance}, spot", own["training_hours"], "h", prices.training(instance), assumed["spot_paid"]
    )
    yield Item("lake", own["lake_gb"], "GB", prices.find("gigabyte", "lake"))
    yield Item("logs", own["logs_gb"], "GB", prices.find("gigabyte", "logs"))
    for name in ("alarm", "metric"):
        yield Item(f"{name}s", own[f"{name}s"], "", prices.find("month", name))
    for name in ("key", "secret"):
        yield Item(f"{name}s", assumed[f"{name}s"], "", prices.find("month", name))


def _nodes(variables: dict[str, Any], prices: PriceTable, assumed: dict[str, Any]) -> Iterator[Item]:
    """System nodes are counted for each zone, workers over all of them; the first of the types is reckoned with."""
    own, hours = assumed[variables["environment"]], assumed["hours"]
    system, workers = variables["system_nodes"], variables["worker_nodes"]
    count = system["min"] * variables["zone_count"]
    spot = max(workers["min"], own["workers"])
    kind, worker = system["instance_types"][0], workers["instance_types"][0]
    yield Item(f"system nodes, {count} x {kind}", count * hours, "h", prices.find("hour", kind))
    yield Item(
        f"workers, {spot} x {worker}, spot", spot * hours, "h", prices.find("hour", worker), assumed["spot_paid"]
    )
    yield Item(
        "nodes' disks", count * system["disk_gb"] + spot * workers["disk_gb"], "GB", prices.find("gigabyte", "disk")
    )


def _network(variables: dict[str, Any], prices: PriceTable, assumed: dict[str, Any]) -> Iterator[Item]:
    own, hours, zones = assumed[variables["environment"]], assumed["hours"], variables["zone_count"]
    gateways = zones if variables["nat_per_zone"] else 1
    endpoints = len(variables["interface_endpoints"]) * (zones if variables["endpoints_per_zone"] else 1)
    balancers = assumed["load_balancers"]
    yield Item(f"NAT gateways, {gateways}", gateways * hours, "h", prices.find("hour", "nat"))
    yield Item("through NAT", own["nat_gb"], "GB", prices.find("gigabyte", "through-nat"))
    yield Item(f"interface endpoints, {endpoints}", endpoints * hours, "h", prices.find("hour", "endpoint"))
    yield Item(f"load balancers, {balancers}", balancers * hours, "h", prices.find("hour", "load-balancer"))
    yield Item(f"public addresses, {gateways}", gateways * hours, "h", prices.find("hour", "public-address"))


def report(name: str, prices: PriceTable, items: list[Item]) -> Iterator[str]:
    """The bill as Markdown, with its total and the sources of its prices."""
    yield f"\n## {name} in {prices.region}, US dollars a month\n"
    yield "| item | quantity | price | paid | a month | source |"
    yield "|---|---|---|---|---|---|"
    for item in items:
        price = f"{'~' if item.price.scaled else ''}{item.price.usd:.4g}"
        cells = [
            item.name,
            f"{item.quantity:,.0f} {item.unit}".strip(),
            price,
            f"{item.share:.0%}",
            f"{item.usd:,.2f}",
            item.price.source,
        ]
        yield f"| {' | '.join(cells)} |"
    yield f"| **total** | | | | **{sum(item.usd for item in items):,.2f}** | |\n"
    yield "~ is the price of us-east-1 times the region's factor. Sources:"
    for source in sorted({item.price.source for item in items}):
        yield f"- {source}: {prices.table['sources'][source]}"


if __name__ == "__main__":
    exit_with(main)
