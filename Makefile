# One command for each thing one does here. `make help` lists them.
# On a fresh Debian machine any of them may be the first: each sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest -n auto
SECONDS ?= 60
CI_FLAGS := $(if $(CI),--require-tools)

.PHONY: help demo test test-all check format bench faults fuzz release clean tools tools-all

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY) tools ## the main job on a real image, in plain sight
	@PATH="$(CURDIR)/$(BIN):$$PATH:$$(scripts/tools --path)" scripts/demo

test: $(READY) tools ## every test that needs light programs only
	$(PYTEST) -m "not heavy" $(CI_FLAGS)

test-all: $(READY) tools-all ## all tests, those with heavy programs too
	$(PYTEST) $(CI_FLAGS)

check: $(READY) ## lint, format, types, layers, known weaknesses of what is installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy fuzz/*.py scripts/*.py
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/advisories.py

format: $(READY) ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## measure against other tools, side by side (ARGS="--sizes 1 100")
	@scripts/tools light minisign model_signing || \
	    echo "bench: what is missing is left out of the comparison" >&2
	@$(BIN)/python -c 'import matplotlib' 2>/dev/null || \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	        --require-hashes --requirement requirements/bench.txt
	@$(BIN)/python -m compileall -q repro_sign # as an installed package is
	PATH="$(CURDIR)/$(BIN):$$PATH:$$(scripts/tools --path)" $(BIN)/python -m benchmarks $(ARGS)

faults: $(READY) tools ## provoke every fault, and tell what was tried (ARGS=--record keeps it)
	@scripts/faults $(ARGS)

fuzz: $(READY) ## mutated input for every parser, SECONDS (60) each
	@$(BIN)/python -c 'import atheris' 2>/dev/null || \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	        --require-hashes --requirement requirements/fuzz.txt
	fuzz/run $(SECONDS)

release: $(READY) tools ## build and sign the release of this commit in dist/ (KEY=FINGERPRINT)
	@PATH="$(CURDIR)/$(BIN):$$PATH:$$(scripts/tools --path)" scripts/release dist $(KEY)

tools: ## the real programs that the tests start
	@scripts/tools

tools-all: ## the heavy ones too
	@scripts/tools light cosign sks gpg-wks-client cffconvert softhsm2-util pkcs11-tool \
	    gnupg-pkcs11-scd sarif-schema chromium pdftotext munged slurmctld slurmd

clean: ## remove what the other commands made (the downloaded programs too)
	rm -rf $(VENV) .tools build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements/dev.txt scripts/python
	scripts/python $(PYTHON) $(VENV)
	@touch $@
