# Every target sets up what it needs first; when nothing changed that takes a fraction of a second.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Without bytecode on disk every process compiles all its libraries anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-test demo up check test fuzz audit-dependencies bench mutants lock clean

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## Python environment, page assets and Temporal server
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m tools.set_up

setup-test: setup ## what the tests need besides: PostgreSQL, Chromium, a Chinese font, the time-skipping server
	@$(PYTHON) -m tools.set_up tests

demo: setup ## a year of lending in minutes, to look at
	$(BIN)/loanwright demo

up: setup ## everything on this machine, until Ctrl-C
	$(BIN)/loanwright up

check: setup ## form, types, arrows between the rooms, lock
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tools.lock check
	$(BIN)/pip --disable-pip-version-check check

# Many tests wait for something, so that four processes keep two processors busy. Each holds one test ready and no more:
# whatever waited behind a long one would come last.
test: setup-test ## all tests, on four processes
	$(BIN)/pytest -n 4 --maxschedchunk 1

fuzz: setup-test ## ten thousand generated calls of the API over all roles: some ten minutes
	$(BIN)/pytest tests/api/fuzz_schema.py -n 2

# Not part of `check`: it asks a service on the internet which of our dependencies have known holes.
audit-dependencies: setup ## known security holes in what we depend on, where the internet can be reached
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip --disable-pip-version-check --quiet install pip-audit==2.10.1
	build/audit/bin/pip-audit --requirement requirements.lock --require-hashes --disable-pip

bench: setup-test ## benchmarks
	$(BIN)/python -m bench

mutants: setup ## how many slips in the loan mathematics the tests notice: 500 mutants, some twenty minutes
	$(BIN)/python -m tools.mutants

lock: ## renew requirements.lock after a change of dependencies (needs uv)
	uv pip compile --universal --generate-hashes --no-header --extra dev --python-version 3.11 pyproject.toml -o requirements.lock

clean: ## take away all that `make setup` put into the checkout; the user's cache folder stays
	rm -rf .venv node_modules web/static/vendor build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
