# Everything a fresh machine needs is python3 (3.11 or later, with venv), git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow lint types check bench clean

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1,<27'
	$(BIN)/pip install --quiet --editable . --group dev --group demo
	touch $@

demo: $(READY)  ## trains and scores a real model on real data, changes a parameter, runs again
	$(BIN)/python examples/demo.py

test: $(READY)  ## the fast ring
	$(BIN)/python -m pytest -n 2 $(PYTEST)

test-slow: $(READY)  ## kill -9 loops, full disks, real peers
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile $(PYTEST)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

check: test lint types  ## what every commit has to pass

bench: $(READY)  ## Outdo beside its peers, as tables
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
