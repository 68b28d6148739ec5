from __future__ import annotations

import os
import re

import pytest

from retail_forecast_tests.infra.dockerfile import ROOT
from retail_forecast_tests.infra.pipelines import CI, STEPS, commands_of, problems_of, scripts_of_make, targets

PIPELINES = ("Jenkinsfile", ".travis.yml", "github-actions.yml")


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_calls_targets_and_names_files_that_there_are(name: str) -> None:
    assert problems_of(name, (CI / name).read_text()) == []


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("make release", "make relase", "no target relase"),
        ("make push", "deploy/bin/push serving", "not make: deploy/bin/push serving"),
        ("docs/pipelines.md", "docs/pipeline.md", "no file docs/pipeline.md"),
    ],
)
def test_what_a_pipeline_calls_and_is_not_there_is_caught(name: str, right: str, wrong: str, problem: str) -> None:
    assert problem in problems_of(name, (CI / name).read_text().replace(right, wrong))


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_takes_every_step_in_its_order(name: str) -> None:
    called = [word for command in commands_of(name, (CI / name).read_text()) for word in command.split()[1:]]
    assert [word for word in called if word in STEPS] == STEPS


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_keeps_no_key_and_takes_a_role(name: str) -> None:
    text = (CI / name).read_text()
    assert "AWS_ROLE_ARN" in text
    assert re.findall(r"(?i)secret_access_key|access_key_id|AKIA\w+|secrets\.", text) == []


def test_a_release_on_github_may_ask_for_an_identity_and_the_checks_may_not() -> None:
    text = (CI / "github-actions.yml").read_text()
    before, _, release = text.partition("\n  release:\n")
    assert ("id-token" in before, "id-token: write" in release) == (False, True)


def test_every_script_of_a_target_is_there_and_may_be_run() -> None:
    scripts = scripts_of_make()
    assert len(scripts) > 10
    assert [file for file in scripts if not file.exists()] == []
    assert [file for file in (ROOT / "deploy" / "bin").iterdir() if not os.access(file, os.X_OK)] == []


def test_every_target_of_a_release_has_a_text_in_make_help() -> None:
    text = (ROOT / "deploy" / "deploy.mk").read_text()
    listed = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert listed == set(phony.split())
    assert listed <= targets()
