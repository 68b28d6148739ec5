from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hcl2", reason="the extra infra: make infra-test")

from deploy.cost import ROOT, TERRAFORM, Price, PriceTable, estimate, report
from deploy.tfvars import read_variables
from retail_forecast.errors import ConfigurationError, NotFoundError

TABLE = tomllib.loads((ROOT / "deploy" / "prices.toml").read_text())
REGIONS = ("us-east-1", "ap-southeast-1")


def bill(environment: str, region: str) -> dict[str, float]:
    variables = read_variables(TERRAFORM, TERRAFORM / "environments" / f"{environment}.tfvars")
    return {one.name: one.usd for one in estimate(variables, PriceTable(TABLE, region), TABLE["assumptions"])}


def test_the_lines_of_a_bill_are_quantity_times_price() -> None:
    dev = bill("dev", "us-east-1")
    assert dev["control plane"] == pytest.approx(73.0)  # 730 h x 0.10
    assert dev["NAT gateways, 1"] == pytest.approx(32.85)  # 730 h x 0.045
    assert dev["system nodes, 2 x t3a.xlarge"] == pytest.approx(219.584)  # one in each of 2 zones, 730 h x 0.1504
    assert dev["workers, 1 x m7i.large, spot"] == pytest.approx(29.4336)  # 730 h x 0.1008 x 0.4
    assert dev["database, 1 x db.t4g.micro"] == pytest.approx(11.68)  # 730 h x 0.016


def test_what_prod_has_in_every_zone_is_paid_in_every_zone() -> None:
    prod = bill("prod", "us-east-1")
    assert prod["NAT gateways, 3"] == pytest.approx(3 * 32.85)
    assert prod["database, 2 x db.m7g.large"] == pytest.approx(245.28)  # with its standby: 2 x 730 h x 0.168
    assert prod["database's disks"] == pytest.approx(11.5)  # 2 x 50 GB x 0.115


def test_a_price_that_the_region_lacks_is_scaled_and_says_so() -> None:
    prices = PriceTable(TABLE, "ap-southeast-1")
    scaled = prices.find("hour", "m5.large")
    assert scaled.scaled
    assert scaled.usd == pytest.approx(0.12)  # 0.096 x 1.25
    assert prices.find("hour", "nat") == Price(0.059, "nat")
    assert prices.training("ml.m5.2xlarge").usd == pytest.approx(0.57625)  # 0.461 x 1.25
    assert not PriceTable(TABLE, "us-east-1").training("ml.m5.2xlarge").scaled


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_total_of_an_environment_is_the_sum_of_its_lines(environment: str, region: str) -> None:
    variables = read_variables(TERRAFORM, TERRAFORM / "environments" / f"{environment}.tfvars")
    prices = PriceTable(TABLE, region)
    items = list(estimate(variables, prices, TABLE["assumptions"]))
    text = "\n".join(report(environment, prices, items))
    assert f"**{sum(item.usd for item in items):,.2f}**" in text
    assert [item.name for item in items if item.usd <= 0] == []


def test_every_price_names_a_source_and_every_source_a_date_or_that_it_has_none() -> None:
    entries = [entry for kind in ("factors", "hour", "gigabyte", "month") for entry in TABLE[kind].values()]
    assert {entry["source"] for entry in entries} <= set(TABLE["sources"])
    undated = ("assumed", "sagemaker")  # no price, and a file with a date of its own
    assert [name for name, text in TABLE["sources"].items() if "202" not in text and name not in undated] == []


def test_a_thing_without_a_price_is_named_with_the_place_to_add_it() -> None:
    with pytest.raises(NotFoundError, match=r"price of 'x1\.huge' .* Add it below \[hour\]"):
        PriceTable(TABLE, "us-east-1").find("hour", "x1.huge")
    with pytest.raises(NotFoundError, match="factor for 'eu-west-1'"):
        PriceTable(TABLE, "eu-west-1").find("hour", "m5.large")


def write(folder: Path, tfvars: str) -> Path:
    (folder / "variables.tf").write_text(
        """variable "zones" {
  type    = number
  default = 3
  validation {
    condition     = var.zones > 1
    error_message = "zones: two at least"
  }
}

variable "nodes" {
  type = object({ types = list(string), disk_gb = optional(number, 50), spot = optional(bool, false) })
}
"""
    )
    (folder / "dev.tfvars").write_text(tfvars)
    return folder / "dev.tfvars"


@pytest.mark.parametrize(
    ("tfvars", "values"),
    [
        (
            'nodes = { types = ["a", "b"] } # cheap',
            {"zones": 3, "nodes": {"types": ["a", "b"], "disk_gb": 50, "spot": False}},
        ),
        (
            "zones = 2\nnodes = {\n  types = []\n  disk_gb = 1.5\n}",
            {"zones": 2, "nodes": {"types": [], "disk_gb": 1.5, "spot": False}},
        ),
    ],
)
def test_variables_are_those_of_the_environment_over_the_defaults(
    tmp_path: Path, tfvars: str, values: dict[str, Any]
) -> None:
    assert read_variables(tmp_path, write(tmp_path, tfvars)) == values


@pytest.mark.parametrize("tfvars", ["nodes = local.nodes", "zonse = 2", "zones 2"])
def test_what_is_no_literal_or_no_variable_is_refused(tmp_path: Path, tfvars: str) -> None:
    file = write(tmp_path, tfvars)
    with pytest.raises(ConfigurationError):
        read_variables(tmp_path, file)
