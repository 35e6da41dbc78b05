# Two commands on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
export PIP_CONSTRAINT = constraints.txt
READY = $(VENV)/.ready

.PHONY: demo test check examples catalogue bench stale clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("genus wants Python 3.11 or newer, and this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(READY)

demo: $(READY)  ## one model of every family on real digits, side by side; about ten minutes on two cores
	$(BIN)/genus compare gmm made rbm vae realnvp_images ddpm dcgan pix2pix --data digits --minutes 0.75 --out report --resume

check: $(READY)  ## what CI runs: format, lint, types, import floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/python -m pytest -q tests/test_floors.py

test: check  ## all checks, then all tests, one process a core
	$(BIN)/python -m pytest -q -n auto --durations=10

examples: $(READY)  ## runs every example in full, under a minute each
	for example in examples/*.py; do echo "== $$example"; $(BIN)/python $$example || exit 1; done

catalogue: $(READY)  ## writes what genus knows of recipes and data without importing them
	$(BIN)/python -m genus.recipes

bench: $(READY)  ## one benchmark: make bench NAME=flow/flow_tables ARGS='--only maf*'; lists them without NAME
	$(BIN)/python -m benchmarks.$(if $(NAME),$(subst /,.,$(NAME)) $(ARGS),bench --list)
	$(BIN)/python benchmarks/render.py

stale: $(READY)  ## looks for figures that were measured before a change of what they measure
	$(BIN)/python -m benchmarks.bench $(NAME)

clean:
	rm -rf $(VENV) report runs
