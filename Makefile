# Two commands for a fresh machine with Python 3.11 to 3.13 and nothing else:
#   make demo    infer held-out photographs; leaves figures and demo.json in demo_output
#   make test    lint, check imports and types, then run all tests

PYTHON ?= python3
VENV ?= .venv
OUT ?= demo_output
JOBS ?= 2
BIN = $(VENV)/bin

.PHONY: demo test bench claims clean

demo: $(VENV)/installed
	$(BIN)/ipvae demo --out $(OUT)

test: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/pyright --pythonpath $(BIN)/python
	OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

# Installed from the source tree, so that changes take effect at once.
$(VENV)/installed: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-test: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@ $(VENV)/installed

# Takes long and wants an idle machine; see docs/benchmarks.md.
bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[bench]"
	$(BIN)/python -m benchmarks.run

# Takes hours, and goes on where it was stopped; `make claims QUICK=--quick` is a trial of minutes.
claims: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[bench]"
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.claims.run $(QUICK)

clean:
	rm -rf $(VENV) $(OUT) build *.egg-info .pytest_cache .ruff_cache .hypothesis
