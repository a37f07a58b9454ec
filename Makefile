# Two commands set everything up by themselves: `make demo` and `make test`. Both need only Python 3.11 or newer.

PYTHON ?= python3
VENV   ?= .venv
FOCUS  ?= /tmp/focus
BIN    := $(VENV)/bin

.PHONY: help demo test test-trainings soak mutants check format bench clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.daemon  ## the whole thing once, on a simulated estate, with the report in your browser
	@$(BIN)/finops demo $(DEMO)

test: $(VENV)/.test  ## all tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

test-trainings: $(VENV)/.trainings  ## the tests that need PyTorch, which is gigabytes
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m torch $(TESTS)

soak: $(VENV)/.trainings  ## the long forms of tests that kill what they test; ten minutes and more
	@FINOPS_APPLY_KILLS=200 $(BIN)/python -m pytest tests/test_applying_killed.py
	@FINOPS_MAIL_KILLS=200 $(BIN)/python -m pytest tests/test_mail_killed.py tests/test_mail_killed_azure.py
	@FINOPS_TIER_KILLS=200 $(BIN)/python -m pytest tests/test_tier_killed.py
	@FINOPS_CHECKPOINT_KILLS=10000 $(BIN)/python -m pytest tests/test_checkpoint_killed.py tests/test_checkpoint_ranked.py tests/test_checkpoint_blob_killed.py tests/test_checkpoint_blobfuse.py
	@FINOPS_CHECKPOINT_RUNS=100 $(BIN)/python -m pytest tests/test_checkpoint_bit_identical.py
	@FINOPS_YEAR=1 $(BIN)/python -m pytest -s tests/faults/test_simulated_year.py tests/faults/test_summer_time.py
	@FINOPS_CLOCK_HISTORIES=100000 $(BIN)/python -m pytest -s tests/faults/test_clock_histories.py
	@FINOPS_WEB_EXAMPLES=200 $(BIN)/python -m pytest tests/faults/test_web_fuzzed.py

mutants: $(VENV)/.test  ## take each guard of the invariants out of a copy, and see its tests go red; most of an hour
	@$(BIN)/python tests/faults/mutants.py

check: $(VENV)/.test test  ## format, lint, types, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(VENV)/.test  ## put the code in order
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.test  ## measure, side by side; minutes
	@$(BIN)/python benchmarks/startup.py
	@$(BIN)/python benchmarks/estate_scan.py
	@test -d $(FOCUS) || $(BIN)/python benchmarks/focus_rows.py $(FOCUS)
	@$(BIN)/python benchmarks/charges.py $(FOCUS)
	@$(BIN)/python benchmarks/conditions.py
	@$(BIN)/python benchmarks/janitor.py
	@$(BIN)/python benchmarks/images.py
	@$(BIN)/python benchmarks/approvals_page.py
	@$(BIN)/python benchmarks/forecast.py
	@$(BIN)/python benchmarks/anomalies.py

clean:  ## what was installed and built here
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "aml-finops needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.daemon: setup.py | $(VENV)/bin/python
	@echo "Installing into $(VENV) (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[daemon]'
	@touch $@

$(VENV)/.test: setup.py | $(VENV)/bin/python
	@echo "Installing into $(VENV), with what the tests need (about two minutes, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/.daemon

$(VENV)/.trainings: $(VENV)/.test
	@echo "Installing PyTorch into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test-trainings]'
	@touch $(VENV)/.daemon $(VENV)/.test && touch $@
