# make demo: checks, summarises and trains the two MNIST-1D examples.   make test: everything that has to hold.
# Either works on a fresh clone: what it needs is set up first. python3 (3.11 or later) with pip is all that is assumed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SETUP := $(VENV)/.netspec-installed
PARITY := .parity/.netspec-installed
WORKERS ?= 2
MINUTES ?= 10

.PHONY: demo test fuzz lint setup reference gallery benchmark trainings clean
.DEFAULT_GOAL := test

setup: $(SETUP)

$(SETUP): pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# The libraries that tests/parity and benchmarks compare with. They stay out of the environment: only those put them on the path.
$(PARITY): $(SETUP)
	rm -rf .parity
	$(PIP) install --quiet --no-deps --target .parity torchvision==0.28.0 timm==1.0.31 torchview==0.2.7
	@touch $@

demo: $(SETUP)
	$(BIN)/netspec check examples/mnist1d_conv.net examples/mnist1d_mlp.net
	$(BIN)/netspec summary examples/mnist1d_conv.net
	rm -rf runs/demo
	$(BIN)/netspec train examples/mnist1d_conv.net --out runs/demo/conv
	$(BIN)/netspec train examples/mnist1d_mlp.net --out runs/demo/mlp
	$(BIN)/netspec curves runs/demo/conv runs/demo/mlp -o runs/demo/curves.png

lint: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict netspec

test: $(SETUP) $(PARITY) lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
	$(BIN)/python -m tests.fuzz --minutes 0.5

# Inputs that nobody would write, for as long as you like: make fuzz MINUTES=30. The seed is printed.
fuzz: $(SETUP)
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

# Writes the pages that are made from the code. `make test` checks that they are current.
reference: $(SETUP) $(PARITY)
	$(BIN)/netspec layers --format markdown > docs/layers.md
	$(BIN)/netspec explain --format markdown > docs/errors.md
	$(BIN)/netspec schema > docs/graph.schema.json
	$(BIN)/python tests/zoo_page.py > docs/zoo.md

# Draws the pictures of docs/gallery.md. `make test` checks that they are current.
gallery: $(SETUP)
	$(BIN)/python docs/gallery.py

benchmark: $(SETUP) $(PARITY)
	$(BIN)/python -m benchmarks

# Trains what docs/trainings.md shows, an hour of one core. Runs that are there already are not done again.
trainings: $(SETUP)
	$(BIN)/python -m benchmarks trainings

clean:
	rm -rf $(VENV) .parity dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
