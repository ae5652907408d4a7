# `make help` lists what there is to make. All of it works on a fresh clone: what it needs is set up first, and python3 (3.11 or
# later) with pip is all that is assumed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PEERS := torchvision==0.28.0 timm==1.0.31 torchview==0.2.7 pycocotools==2.0.11
WORKERS ?= 2
MINUTES ?= 10

# What is installed bears the checksum of what asked for it, so that a CI that keeps the folders need not install them again.
checksum = $(firstword $(shell $(1) | cksum))
SETUP := $(VENV)/.netspec-$(call checksum,cat pyproject.toml constraints.txt)
PARITY := .parity/.netspec-$(call checksum,echo $(PEERS))

.PHONY: help demo test fuzz lint coverage setup reference extension site gallery benchmark gate trainings clean
.DEFAULT_GOAL := test

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(SETUP)  ## the environment in .venv, with all that development takes

$(SETUP):
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@rm -f $(VENV)/.netspec-* && touch $@

# The libraries that tests/parity and benchmarks compare with. They stay out of the environment: only those put them on the path.
$(PARITY): | $(SETUP)
	rm -rf .parity
	$(PIP) install --quiet --no-deps --target .parity $(PEERS)
	@touch $@

demo: $(SETUP)  ## checks, summarises and trains the two MNIST-1D examples
	$(BIN)/netspec check examples/mnist1d_conv.net examples/mnist1d_mlp.net
	$(BIN)/netspec summary examples/mnist1d_conv.net
	rm -rf runs/demo
	$(BIN)/netspec train examples/mnist1d_conv.net --out runs/demo/conv
	$(BIN)/netspec train examples/mnist1d_mlp.net --out runs/demo/mlp
	$(BIN)/netspec curves runs/demo/conv runs/demo/mlp -o runs/demo/curves.png

lint: $(SETUP)  ## ruff, mypy, and that no floor knows those above it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict netspec
	$(BIN)/lint-imports --no-logo

test: $(SETUP) $(PARITY) lint  ## everything that has to hold
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
	$(BIN)/python -m tests.fuzz --minutes 0.5

fuzz: $(SETUP)  ## inputs that nobody would write, for MINUTES=10; the seed is printed
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

coverage: $(SETUP) $(PARITY)  ## lines that no test runs, in child processes neither; PYTESTARGS=tests/train for a part
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS) --dist loadgroup $(PYTESTARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --sort=miss

reference: $(SETUP) $(PARITY)  ## writes the pages that are made from the code; the tests check that they are current
	$(BIN)/netspec layers --format markdown > docs/layers.md
	$(BIN)/netspec layers --std --format markdown > docs/std.md
	$(BIN)/netspec explain --format markdown > docs/errors.md
	$(BIN)/python -m netspec.reference.language > docs/reference.md
	$(BIN)/netspec schema > docs/graph.schema.json
	$(BIN)/python -m netspec.editors
	$(BIN)/python -m netspec.zoo
	$(BIN)/python tests/zoo_page.py > docs/zoo.md

extension:  ## builds the extension of VS Code, editors/vscode/netspec.vsix; needs npm
	npm ci --prefix editors/vscode --ignore-scripts --no-audit --no-fund --silent
	cd editors/vscode && npm run --silent package

site: $(SETUP)  ## the documentation as a site in build/site; fails where a link leads nowhere
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

gallery: $(SETUP)  ## draws the pictures of docs/gallery.md; the tests check that they are current
	$(BIN)/python docs/gallery.py

benchmark: $(SETUP) $(PARITY)  ## measures against peers, into benchmarks/results
	$(BIN)/python -m benchmarks

gate: $(SETUP)  ## fails where starting or long nets have become slow
	$(BIN)/python -m benchmarks gate

trainings: $(SETUP)  ## trains what docs/experiments.md shows, an hour of one core; runs that are there are not done again
	$(BIN)/python -m benchmarks trainings

clean:  ## away with all that can be made again
	rm -rf $(VENV) .parity dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
