# `make run` and `make test` need only Python 3.11 or later.
SHELL := /bin/bash
# The first of these that exists and is new enough.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install run token test test-long test-stack coverage check format bench package openapi compare load \
	rebuild recount suspend resume lock clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(STAMP) ## Create the virtual environment from the lock file

# Created again only when the lock file has changed. The stamp file exists only after a complete installation.
$(STAMP): requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

run: install ## Run the whole stack on this machine, until Ctrl-C
	@exec $(BIN)/python -m local

token: install ## Print a new admin token of the running stack
	@$(BIN)/python -m local token

IN_PARALLEL = $(BIN)/python -m pytest -n auto --dist worksteal --ignore=tests/stack
ONE_BY_ONE = $(BIN)/python -m pytest tests/stack

test: install ## Run all tests: in parallel, then those of the deployed stack one by one
	@status=0; \
	$(IN_PARALLEL) || status=$$?; \
	$(ONE_BY_ONE) || status=$$?; \
	exit $$status

test-long: export TEST_BUDGET := long
test-long: test ## Run all tests, and repeat ten times as often what they draw at random

test-stack: install ## Run the tests of the deployed stack
	@$(ONE_BY_ONE)

coverage: install ## Run the tests except those of the deployed stack, and print what they execute of each layer
	@status=0; \
	$(IN_PARALLEL) --cov --cov-report= || status=$$?; \
	$(BIN)/python -m local.coverage || status=$$?; \
	exit $$status

check: install ## Check lint, format, types, import contracts and the template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cfn-lint infra/template.yaml

format: install ## Format the sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## Run the benchmarks and print their ratios
	$(BIN)/python -m benchmarks

package: install ## Build what is deployed to AWS: the zips in build/
	$(BIN)/python -m local.package

openapi: install ## Generate the OpenAPI document from the routes
	$(BIN)/python -m local.openapi

compare: install ## Compare a tenant's projections with its records: make compare TENANT=demo
	@$(BIN)/python -m local.projections compare $(TENANT)

load: install ## Run ten minutes of mixed load with killed functions against the running stack, and check the results
	@$(BIN)/python -m local.mixed_load

rebuild: install ## Write a tenant's projections again: make rebuild TENANT=demo
	@$(BIN)/python -m local.projections rebuild $(TENANT)

recount: install ## Compare a tenant's contacts with their timelines: make recount TENANT=demo
	@$(BIN)/python -m local.recount compare $(TENANT)

suspend: install ## Suspend a tenant: make suspend TENANT=demo
	@$(BIN)/python -m local.suspension suspend $(TENANT)

resume: install ## End the suspension of a tenant: make resume TENANT=demo
	@$(BIN)/python -m local.suspension resume $(TENANT)

# Two passes, so that the run-time lock agrees with the development lock on every version. No index, host or
# path is written into them.
COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options
lock: install ## Lock the dependencies after a change to requirements/*.in
	$(COMPILE) --output-file requirements/dev.txt requirements/dev.in
	$(COMPILE) -c requirements/dev.txt --output-file requirements/runtime.txt requirements/runtime.in
	$(COMPILE) -c requirements/dev.txt --output-file requirements/spreadsheets.txt requirements/spreadsheets.in
	@! grep -nE '^--|://' requirements/dev.txt requirements/runtime.txt requirements/spreadsheets.txt

clean: ## Remove everything generated, except the stack's state in .local
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
