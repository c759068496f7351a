# Needs make and Python 3.11 or newer; everything else comes from the locks, by hash, into .venv.
PYTHON ?= python3
BIN := .venv/bin
# The locks pin every package and its hash. --no-deps: a lock is complete, so nothing may be added to it.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps

.DEFAULT_GOAL := help
.PHONY: help setup demo check test e2e bench docs lock clean java

help:
	@echo 'make setup   .venv with Tenantry and its tools'
	@echo 'make demo    a made-up vendor, loaded, built and shown'
	@echo 'make check   style, types, floors, unit, property and contract tests: under a minute'
	@echo 'make test    check and everything else: under 20 minutes'
	@echo 'make e2e     the commands as a user types them'
	@echo 'make bench   speed against the targets of the design'
	@echo 'make docs    the generated reference pages'
	@echo 'make lock    new versions into requirements*.lock'
	@echo 'make clean   back to a fresh clone'

setup: .venv/ready

.venv/ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Tenantry needs Python 3.11 or newer: make setup PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/spark: .venv/ready requirements-spark.lock
	$(INSTALL) --no-build-isolation -r requirements-spark.lock
	@touch $@

.venv/bench: .venv/spark requirements-bench.lock
	$(INSTALL) --no-build-isolation -r requirements-bench.lock
	@touch $@

demo: setup
	$(BIN)/tenantry demo --no-serve

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit tests/property tests/contract

clean:
	rm -rf .venv .tenantry .hypothesis .pytest_cache .ruff_cache .import_linter_cache build dist
