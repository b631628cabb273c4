# `make run` and `make test` need Python 3.11 or later and nothing else prepared.
SHELL := /bin/bash
# The first of these that runs and is new enough.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install run token test check format bench package openapi compare load rebuild lock clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(STAMP) ## The virtual environment, from the lock file

# Made anew only when the lock file changed; a half-made one is not taken for a whole one.
$(STAMP): requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

run: install ## The whole stack on this machine, until Ctrl-C
	@exec $(BIN)/python -m local

token: install ## A fresh admin token of the running stack
	@$(BIN)/python -m local token

test: install ## All tests: on all processors, then those of the deployed stack by themselves; both parts run
	@status=0; \
	$(BIN)/python -m pytest -n auto --dist loadfile --ignore=tests/stack || status=$$?; \
	$(BIN)/python -m pytest tests/stack || status=$$?; \
	exit $$status

check: install ## Lint, format, types, import contracts, template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cfn-lint infra/template.yaml

format: install ## Put the sources in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## Benchmarks, with their ratios
	$(BIN)/python -m benchmarks

package: install ## What is deployed to AWS: build/functions.zip
	$(BIN)/python -m local.package

openapi: install ## Write the OpenAPI document anew from the routes
	$(BIN)/python -m local.openapi

compare: install ## What a tenant's projections hold otherwise than its records say: make compare TENANT=demo
	@$(BIN)/python -m local.projections compare $(TENANT)

load: install ## Ten minutes of mixed load on the running stack, functions killed meanwhile, and what is lost or false then
	@$(BIN)/python -m local.mixed_load

rebuild: install ## Make a tenant's projections anew: make rebuild TENANT=demo
	@$(BIN)/python -m local.projections rebuild $(TENANT)

# Two passes, so that the run-time lock agrees with the development lock on every version. No index, host or
# path is written into them.
COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options
lock: install ## Lock the dependencies anew, after a change to requirements/*.in
	$(COMPILE) --output-file requirements/dev.txt requirements/dev.in
	$(COMPILE) -c requirements/dev.txt --output-file requirements/runtime.txt requirements/runtime.in
	@! grep -nE '^--|://' requirements/dev.txt requirements/runtime.txt

clean: ## Remove what was made here, but for the stack's state in .local
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
