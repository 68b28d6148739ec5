# Beyond this machine: images, a release and its undoing, the way out, and what it costs. Included by the Makefile;
# docs/operations.md tells what has to be on PATH. ENVIRONMENT (dev or prod) has no default: whoever asks says which.
.PHONY: images pin-base scan push train-and-gate deploy smoke rollback release teardown audit cost github-workflow

AWS_REGION ?= ap-southeast-1
TAG ?= $(shell git describe --always --dirty --abbrev=12 --exclude '*')
PINNED_BASE := $(dir deploy/docker/Dockerfile)base
BASE ?= $(shell cat $(PINNED_BASE) 2>/dev/null)
TRAINING_USER ?=
PLATFORM ?= linux/amd64
SMOKE ?=
SMOKE_URL ?=
VALUES ?=
IMAGES := orchestrator training serving
export AWS_REGION TAG SMOKE SMOKE_URL VALUES ENVIRONMENT

images: ## the images of all roles, tagged TAG (default the commit)
	@for role in $(IMAGES); do \
	  echo "$$role $(TAG)"; \
	  docker buildx build --quiet --load --platform $(PLATFORM) --file deploy/docker/Dockerfile --target $$role \
	    --tag retail-forecast/$$role:$(TAG) --build-arg VERSION=$(TAG) --build-arg REVISION=$$(git rev-parse HEAD) \
	    $(if $(BASE),--build-arg BASE=$(BASE)) $(if $(TRAINING_USER),--build-arg TRAINING_USER=$(TRAINING_USER)) .; \
	done

pin-base: ## notes beside the Dockerfile which digest the base image's tag has now, to be committed
	deploy/bin/pin-base $(PINNED_BASE)

scan: ## known holes in the images: fails on high and critical ones that have a fix
	deploy/bin/scan $(IMAGES)

push: ## the images to the account's ECR; a tag that is there is left as it is
	deploy/bin/push $(IMAGES)

train-and-gate: install ## a challenger by the new images, beside what runs; fails unless it passes the gate
	deploy/bin/connect
	$(BIN)/python -m deploy.train_and_gate --tag $(TAG)

deploy: ## helm upgrade to TAG; undone by Helm if it does not come up
	deploy/bin/connect
	deploy/bin/upgrade

smoke: install ## asks the API of ENVIRONMENT (or SMOKE_URL) for a forecast and its lineage
	PYTHON=$(BIN)/python deploy/bin/smoke $(SMOKE)

rollback: ## back to the release before (or REVISION=N)
	deploy/bin/connect
	deploy/bin/rollback $(REVISION)

release: ## deploy, smoke, and rollback if one of them fails
	deploy/bin/release

teardown: install ## removes ENVIRONMENT in the order that works, then audits; keeps the lake unless DELETE_LAKE=its name
	$(BIN)/python -m deploy.teardown "$(ENVIRONMENT)" --region $(AWS_REGION) $(if $(DELETE_LAKE),--delete-lake "$(DELETE_LAKE)") \
	  $(if $(DESTROY),--destroy "$(DESTROY)")

audit: install ## what of ENVIRONMENT there still is, by its tags and names; fails if there is anything
	$(BIN)/python -m deploy.leftovers "$(ENVIRONMENT)" --region $(AWS_REGION)

cost: ## the monthly bill of each environment, as deploy/prices.toml and terraform/environments have it
	@$(MAKE) --no-print-directory install EXTRAS=infra
	$(BIN)/python -m deploy.cost

github-workflow: ## puts deploy/ci/github-actions.yml where GitHub looks for it
	install -D --mode 644 deploy/ci/github-actions.yml .github/workflows/retail-forecast.yml
