SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install demo demo-aws dev test test-slow test-page infra-test fuzz bench check lock clean

PYTHON ?= python3
LAPTOP := orchestrator,training,serving,aws,emulator,dev
EXTRAS ?=
BENCH ?=
FUZZ ?=
comma := ,
ROLES := $(LAPTOP)$(if $(EXTRAS),$(comma)$(EXTRAS))
BIN := .venv/bin
export VIRTUAL_ENV := $(CURDIR)/.venv
export DAGSTER_DISABLE_TELEMETRY := yes
STAMP := .venv/installed-$(subst $(comma),-,$(ROLES))

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## .venv with the locked dependencies, hashes checked (EXTRAS=aws,k8s for more)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || { \
	  echo "make install needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Point it at another one: make install PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
	  echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	  rm -rf .venv; exit 1; }
	@awk '/^[^ #]/ { uv = /^uv==/ } uv' requirements.lock > .venv/uv.lock
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints requirements.lock --build-constraints requirements.lock --editable '.[$(ROLES)]'
	@$(BIN)/python -c 'import lightgbm' 2>/dev/null || \
	  echo "LightGBM cannot be loaded: it needs OpenMP (Debian, Ubuntu: apt-get install libgomp1)" >&2
	@touch $@

demo: install ## made-up shop, whole graph, UI and API: prints what to open
	$(BIN)/retail-forecast demo

demo-aws: install ## the same in an emulated AWS: S3, SQS, SageMaker, its registry
	$(BIN)/retail-forecast demo-aws

dev: install ## Dagster UI, daemon and API on the present home
	$(BIN)/retail-forecast dev

test: install ## every test that takes seconds, but those of infra-test
	$(BIN)/python -m pytest --ignore retail_forecast_tests/infra

test-slow: install ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

test-page: ## the planner's page in a real browser (Chromium on PATH)
	@$(MAKE) --no-print-directory install EXTRAS=$(if $(EXTRAS),$(EXTRAS)$(comma))browser
	$(BIN)/python -m pytest -m slow retail_forecast_tests/serving/page

infra-test: ## Terraform, images, charts and pipelines: valid, and what they promise holds
	@$(MAKE) --no-print-directory install EXTRAS=$(if $(EXTRAS),$(EXTRAS)$(comma))k8s,infra
	$(BIN)/python -m retail_forecast_tests.infra.terraform
	$(BIN)/python -m pytest retail_forecast_tests/infra

fuzz: install ## schemathesis on the API's OpenAPI document, minutes (FUZZ='--max-examples 500' for more)
	$(BIN)/python -m retail_forecast_tests.serving.fuzzing $(or $(FUZZ),--max-examples 100)

bench: ## the benchmarks in their short form, with their peers: minutes, prints Markdown
	@$(MAKE) --no-print-directory install EXTRAS=$(if $(EXTRAS),$(EXTRAS)$(comma))bench
	$(BIN)/python -m benchmarks $(BENCH)

check: install ## format, lint, types, layers, definitions
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/dg check defs
	$(BIN)/dagster definitions validate -w workspace.yaml

lock: ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url \
	  --no-annotate --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean: ## remove .venv and caches; the home (.retail-forecast) stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

include deploy/deploy.mk
include deploy/scan.mk
