# make demo   sets up the core, audits the bundled set, says where the report is
# make test   sets up everything, lints, type-checks, runs the tests
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check

.PHONY: demo test bench schema clean

demo: .venv/.core
	$(BIN)/cftdata demo --out demo

test: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

bench: .venv/.dev
	set -e; for file in tests/bench/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

schema: .venv/.core
	$(BIN)/cftdata schema

clean:
	rm -rf .venv demo audit dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The stamps say what is installed; both are older than pyproject.toml when that has changed.
$(BIN)/pip:
	$(PYTHON) -m venv .venv

.venv/.core: pyproject.toml | $(BIN)/pip
	$(PIP) -e .
	touch $@

.venv/.dev: pyproject.toml | $(BIN)/pip
	$(PIP) -e '.[dev]'
	touch $@ .venv/.core
