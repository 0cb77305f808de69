# Every target works from a clean clone; `setup` is their first step.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp

.PHONY: setup demo test lint bench peers power calibration coverage fuzz soak generate clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@PYTHON=$(PYTHON) bash scripts/system_packages.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[hf,dev]'
	touch $(STAMP)

demo: setup
	@$(BIN)/python scripts/demo.py

test: setup lint
	$(BIN)/pytest -n 2 --dist loadgroup -m 'not real_model'
	$(BIN)/pytest -m real_model

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: peers
	@$(BIN)/python -m benchmarks.speed

# What `make bench` measures beside this project, in an environment of its own.
PEERS := .cache/bench/venv

peers: setup $(PEERS)/.stamp

$(PEERS)/.stamp: benchmarks/speed/peers/requirements.txt constraints.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --constraint constraints.txt --requirement $<
	touch $@

coverage: setup
	@$(BIN)/python -m benchmarks.coverage --record

calibration: setup
	@$(BIN)/python -m benchmarks.calibration --record

power: setup
	@$(BIN)/python -m benchmarks.power --record

fuzz: setup
	$(BIN)/python scripts/fuzz_policy.py --seconds 60

soak: setup
	$(BIN)/python scripts/soak.py

generate: setup
	$(BIN)/python scripts/generate_parser.py
	$(BIN)/python scripts/generate_reference.py
	$(BIN)/python scripts/generate_schemas.py
	$(BIN)/python scripts/generate_golden.py
	$(BIN)/python scripts/generate_corpus.py
	$(BIN)/python scripts/generate_textmate.py

clean:
	rm -rf $(VENV) .cache build dist
