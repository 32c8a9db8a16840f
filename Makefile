# Every target makes .venv itself. PYTHON chooses the interpreter (3.11 or later).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# onnxruntime and onnxruntime-gpu are the same module: exactly one, by whether an NVIDIA driver answers.
RUNTIME := $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -P -m pytest
HEARTWIRE := $(BIN)/python -P -m heartwire

.PHONY: demo test test-long test-train lint format bench gpu-check clean

demo: $(VENV)/.base  ## simulated bed and cath lab, dashboard, latency table (ARGS="--seconds 20")
	$(HEARTWIRE) demo $(ARGS)

test: $(VENV)/.dev  ## everything but training and what takes minutes
	$(PYTEST) -m "not train and not long" $(ARGS)

test-long: $(VENV)/.dev  ## what takes minutes: workers killed during 1,000 changes of alarms
	$(PYTEST) -m long $(ARGS)

test-train: $(VENV)/.train  ## train each model small, export it, compare ONNX with torch
	$(PYTEST) -m train $(ARGS)

lint: $(VENV)/.train .links  ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.base  ## latency of the whole pipeline (ARGS="--seconds 120 --report out")
	$(HEARTWIRE) bench latency $(ARGS)

gpu-check: $(VENV)/.base  ## on a CUDA machine: GPU outputs against CPU outputs, then the benchmark
	$(HEARTWIRE) bench gpu $(ARGS)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "heartwire needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.base: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[$(RUNTIME)]"
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[$(RUNTIME),dev]"
	touch $@ $(VENV)/.base

$(VENV)/.train: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[$(RUNTIME),dev,train]"
	touch $@ $(VENV)/.base $(VENV)/.dev

# mypy cannot follow the mapping of folders to heartwire.*: it reads them through links.
.links:
	mkdir -p .links/heartwire
	for name in engine models streams benchmarks; do ln -sfn ../../$$name .links/heartwire/$$name; done
	for file in heartwire/*; do ln -sfn ../../$$file .links/heartwire/$$(basename $$file); done

clean:
	rm -rf $(VENV) .links build *.egg-info
