# make demo · test · check · bench · docs
PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.setup
SETUP_DEV := .venv/.setup-dev
JOBS ?= 2

.PHONY: demo test check bench docs clean

demo: $(SETUP)
	$(BIN)/facies demo demo

test: $(SETUP_DEV)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)

check: $(SETUP_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell src tests docs examples benchmarks recipes README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md
	$(BIN)/python docs/generate_reference.py --check

docs: $(SETUP_DEV)
	$(BIN)/python docs/generate_reference.py

bench: $(SETUP_DEV)
	for file in benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

# Byte code is compiled once here: some environments forbid writing it later, and then every start would compile everything again.
# A folder of torch's own tests is written for newer Pythons only.
$(SETUP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	$(BIN)/python -m compileall -q -j 2 -x '/torch/testing/_internal/' .venv/lib src
	touch $(SETUP)

$(SETUP_DEV): $(SETUP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m compileall -q -j 2 -x '/torch/testing/_internal/' .venv/lib src
	touch $(SETUP_DEV)

clean:
	rm -rf .venv demo build
