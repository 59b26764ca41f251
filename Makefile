# context360. `make help` lists the targets. Everything is set up by the targets themselves, in .venv.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# A catalog of source systems: the name of an example, or the path of a YAML file.
-include examples/Makefile
PORT ?= 3000
CUSTOMERS ?= 2000
RUN_ARGS ?=

# Never compiling Python makes every start three times slower.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK = 1

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
BIN := .venv/bin

.PHONY: help
help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or call make PYTHON=/path/to/python."; exit 1; }
	$(PYTHON) -m venv .venv

# The lock files name every package with its hash: nothing else can be installed.
.venv/run.installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing the $$(grep -c '^[a-z]' requirements.lock) packages of requirements.lock into .venv: some minutes the first time."
	$(BIN)/pip install --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.installed: requirements-dev.lock .venv/run.installed
	@echo "Installing the packages of requirements-dev.lock, with which tests and checks run."
	$(BIN)/pip install --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: run
run: .venv/run.installed  ## Build and publish the warehouse (CATALOG=example, folder or file; RUN_ARGS="--full-refresh")
	$(BIN)/context360 run --catalog $(CATALOG) $(RUN_ARGS)

.PHONY: ui
ui: .venv/run.installed  ## Open Dagster (PORT=3000)
	$(BIN)/context360 ui --catalog $(CATALOG) --port $(PORT)

.PHONY: status
status: .venv/run.installed  ## Show streams, tables, freshness and failed checks
	@$(BIN)/context360 status --catalog $(CATALOG)

.PHONY: first-look
first-look: .venv/run.installed  ## Check that published figures agree with each other
	@$(BIN)/context360 first-look --catalog $(CATALOG)

.PHONY: docs
docs: .venv/run.installed  ## Write the page that describes every table and column
	@$(BIN)/context360 docs --catalog $(CATALOG)

.PHONY: reference
reference: .venv/run.installed  ## Generate docs/reference from code and dbt YAML
	@$(BIN)/python docs/generate_reference.py

# Tests in two processes, in groups (tests/conftest.py). Costly homes are kept between runs (tests/golden.py).
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

.PHONY: test
test: .venv/dev.installed  ## Run the tests but the long ones
	$(PYTEST) -m "not long"

.PHONY: test-all
test-all: .venv/dev.installed  ## Run all tests (more histories, larger samples)
	CONTEXT360_HISTORIES=$(or $(HISTORIES),5) $(PYTEST)

.PHONY: check
check: .venv/dev.installed  ## Lint and type-check Python and SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/check_sql.py

.PHONY: check-all
check-all: .venv/dev.installed  ## Check all SQL as `make check` does, and what macros make of it
	$(BIN)/python tests/check_sql.py --compiled

.PHONY: compare
compare: .venv/dev.installed  ## Compare two published warehouses table by table (BEFORE=old.duckdb AFTER=new.duckdb)
	@$(BIN)/python tests/compare_published.py $(or $(BEFORE),$(error Set BEFORE=old.duckdb and AFTER=new.duckdb)) \
		$(or $(AFTER),$(error Set BEFORE=old.duckdb and AFTER=new.duckdb))

.PHONY: benchmark
benchmark: .venv/dev.installed  ## Measure nights of the demo company beside a floor, and landing (CUSTOMERS=2000)
	$(BIN)/python tests/benchmarks/nights.py --customers $(CUSTOMERS)
	$(BIN)/python tests/benchmarks/landing.py
	$(BIN)/python -m pytest -m long tests/perception

.PHONY: history-trial
history-trial: .venv/dev.installed  ## Compare many drawn delivery histories with perfect order (HISTORIES=50)
	CONTEXT360_HISTORIES=$(or $(HISTORIES),50) $(BIN)/python -m pytest tests/pipeline/test_delivery_histories.py

.PHONY: kill-trial
kill-trial: .venv/dev.installed  ## Kill the live service while events arrive, and count what it answered (KILLS=50)
	CONTEXT360_KILLS=$(or $(KILLS),50) $(BIN)/python -m pytest tests/live/test_real_service.py -k killed

.PHONY: identity-report
identity-report: .venv/dev.installed .venv-reference/installed  ## Measure who is linked with whom, beside plain Splink
	$(BIN)/python tests/benchmarks/identity_report.py

.PHONY: identity-benchmark
identity-benchmark: .venv/dev.installed  ## Measure the linking of 1,000,000 records, beside plain Splink (minutes)
	$(BIN)/python tests/benchmarks/identity_speed.py

.PHONY: predictions-benchmark
predictions-benchmark: .venv/dev.installed  ## Measure the forecast of 1,000,000 customers: seconds, memory
	$(BIN)/python tests/benchmarks/predictions.py

.PHONY: predictions-report
predictions-report: .venv/dev.installed  ## Hold what was predicted for demo companies against what then happens (minutes)
	$(BIN)/python tests/benchmarks/predictions_report.py

# PySpark and Great Expectations do not live together: Spark has an environment of its own.
.venv-spark/installed: requirements-spark.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or call make PYTHON=/path/to/python."; exit 1; }
	$(PYTHON) -m venv .venv-spark
	.venv-spark/bin/pip install --quiet --require-hashes -r requirements-spark.lock
	.venv-spark/bin/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: erasure-trial
erasure-trial: .venv/bin/python  ## Erase 50 people of a new demo company and search every file for them (SEED=1)
	$(BIN)/python tests/privacy/erasure_trial.py $(or $(SEED),1)

.PHONY: spark-trial
spark-trial: .venv-spark/installed  ## Build the same models on Spark and compare every table (needs Java 17 and a run)
	CONTEXT360_CATALOG=$(CATALOG) .venv-spark/bin/python tests/spark_trial.py

# Only packages and their data: the project itself is not installed there.
.venv-reference/installed: requirements-reference.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or call make PYTHON=/path/to/python."; exit 1; }
	$(PYTHON) -m venv .venv-reference
	.venv-reference/bin/pip install --quiet --require-hashes -r requirements-reference.lock
	@touch $@

.PHONY: pictures
pictures: .venv/dev.installed  ## Draw the pictures of the documents (needs Chromium and a run of the demo)
	$(BIN)/python tests/benchmarks/pictures.py

.PHONY: lock
lock: .venv/bin/python  ## Write the lock files anew from pyproject.toml
	$(PYTHON) -m venv .venv/lock && .venv/lock/bin/pip install --quiet uv
	set -e; compile=".venv/lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
		--generate-hashes --no-strip-extras --no-header --no-emit-index-url"; \
	$$compile -o requirements.lock; \
	$$compile --extra dev -c requirements.lock -o requirements-dev.lock; \
	$$compile --extra spark -o requirements-spark.lock; \
	.venv/lock/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["reference"], sep="\n")' \
		| .venv/lock/bin/uv pip compile - --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
			--no-header --no-emit-index-url -o requirements-reference.lock

.PHONY: clean
clean:  ## Remove the warehouse and all state of this checkout (not the environment)
	rm -rf .context360
