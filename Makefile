.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3

# Linux wheels of torch on PyPI bring gigabytes of CUDA libraries. For processors only:
#   make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

BIN := .venv/bin
READY := .venv/ready

OLDEST := .venv-oldest/bin/python

.PHONY: help setup browser demo test methods oldest coverage soak mutants lint bench

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY)  ## Make .venv with topocraft and everything to test it

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "topocraft needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
		echo "Name another one: make setup PYTHON=python3.12"; exit 1; } >&2
	@echo "Setting up .venv; the first time takes a few minutes."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
		-c constraints.txt -e '.[dev]'
	@touch $@

browser: setup  ## Find a Chromium for the tests of pages, or install one
	@$(BIN)/python tests/support/browser.py

demo: setup  ## Integrate simulated cells, write demo/ and a page on them
	@$(BIN)/topocraft demo -o demo --force
	@echo "The page is $(CURDIR)/demo/report.html"

test: setup  ## Run the tests
	-@$(BIN)/python tests/support/browser.py
	@$(BIN)/python -m pytest -n auto --dist worksteal

METHODS ?= scanorama,bbknn,scvi,scanvi,rpca,scdml,imap
methods: setup  ## Hold every compared method that is installed to the contract (METHODS=scvi,rpca: these)
	@TOPOCRAFT_TEST_METHODS=$(METHODS) $(BIN)/python -m pytest tests/baselines/test_contract.py

oldest:  ## Hold the golden files against the lowest versions of the libraries that are allowed
	@echo "Setting up .venv-oldest with the versions of constraints-oldest.txt."
	@$(PYTHON) -m venv .venv-oldest
	@$(OLDEST) -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
		-c constraints-oldest.txt -e . pytest hypothesis
	@$(OLDEST) -m pytest -q -W default tests/golden

coverage: setup  ## Run the tests and list the lines that none of them reaches
	-@$(BIN)/python tests/support/browser.py
	@$(BIN)/python -m pytest --cov -n auto

soak: setup  ## Try faults at random; TOPOCRAFT_SOAK_MINUTES=10 each, TOPOCRAFT_SOAK_SEED=0
	@$(BIN)/python -m pytest tests/faults tests/hostile -m soak; ended=$$?; \
		$(BIN)/python tests/support/soaking.py; exit $$ended

mutants: setup  ## Change the mathematics in small ways: do its tests notice? MUTANTS="--mutants 10 --seed 0"
	@$(BIN)/python benchmarks/mutants.py $(MUTANTS)

lint: setup  ## Check style, layout and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

bench: setup  ## Time and score the main job on this machine; no page is written
	@$(BIN)/python benchmarks/run.py
