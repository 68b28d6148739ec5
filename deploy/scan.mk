# Static analysis of what is deployed, by checkov in an environment of its own: its pins and ours do not go together.
# Included by the Makefile.
.PHONY: infra-scan infra-lock

CHECKOV := 3.3.30
SCANNER := .venv-checkov
FOUND := build/infra-scan

infra-scan: $(SCANNER)/installed ## checkov over Terraform, chart and images: nothing unexplained
	@$(MAKE) --no-print-directory install EXTRAS=k8s,infra
	@rm -rf $(FOUND) && mkdir -p $(FOUND)
	$(BIN)/python -m retail_forecast_tests.infra.manifests $(FOUND)/chart
	$(call scan,terraform,--directory terraform --var-file terraform/environments/prod.tfvars)
	$(call scan,kubernetes,--directory $(FOUND)/chart)
	$(call scan,dockerfile,--directory deploy/docker)

# The proxy leads nowhere: no module, no policy and no guideline is fetched. A file that is not understood is a finding.
scan = @HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 $(SCANNER)/bin/checkov \
	  --config-file .checkov.yaml --framework $(1) $(2) | tee $(FOUND)/$(1).txt; \
	  grep -q 'Failed checks: 0, ' $(FOUND)/$(1).txt; ! grep 'Parsing errors' $(FOUND)/$(1).txt

$(SCANNER)/installed: deploy/checkov.lock
	@test -x $(SCANNER)/bin/python || $(PYTHON) -m venv $(SCANNER)
	@$(SCANNER)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/checkov.lock
	@touch $@

infra-lock: install ## resolve deploy/checkov.lock anew
	@echo 'checkov==$(CHECKOV)' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --custom-compile-command "make infra-lock" --output-file deploy/checkov.lock -
