# Two commands on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check
READY = $(VENV)/.ready
UV ?= uv
CPU_INDEX ?= https://download.pytorch.org/whl/cpu
PIN = --quiet --universal --python-version 3.11 --extra dev --no-annotate pyproject.toml \
	--custom-compile-command 'make lock' --index-strategy unsafe-best-match --no-emit-index-url

.PHONY: demo test check wheel examples notebooks catalogue bench stale lock clean

# torch's build without CUDA where pip finds one (PIP_EXTRA_INDEX_URL), PyPI's elsewhere
$(READY): pyproject.toml requirements.lock requirements-cpu.lock
	$(PYTHON) -c 'import sys; sys.exit("genus wants Python 3.11 or newer, and this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	sed -n '/^torch==/,/[^\\]$$/p' requirements-cpu.lock > $(VENV)/torch.lock
	lock=requirements.lock; \
	if $(PIP) install --require-hashes --no-deps -r $(VENV)/torch.lock 2> $(VENV)/torch.log; \
	then lock=requirements-cpu.lock; fi; \
	echo "installing $$lock"; $(PIP) install --require-hashes -r $$lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $(READY)

demo: $(READY)  ## one model of six families draws faces, side by side; about ten minutes on two cores
	$(BIN)/genus compare gmm vae realnvp_images pixelcnnpp r3gan edm --data 'portraits_six?size=16' --minutes 0.75 --threads 2 --out report --resume

check: $(READY)  ## what CI runs: format, lint, types, import floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/python -m pytest -q tests/test_floors.py

test: check  ## all checks, then all tests, one process a core
	$(BIN)/python -m pytest -q -n auto --dist loadgroup --durations=10

wheel: $(READY)  ## builds the wheel and tries it outside the repository; make test does so, too
	$(BIN)/python -m pytest -q tests/test_wheel.py

examples: $(READY)  ## runs every example in full, under a minute each
	for example in examples/*.py; do echo "== $$example"; $(BIN)/python $$example || exit 1; done

notebooks: $(READY)  ## runs every notebook in full, and writes docs/notebooks; about two minutes
	$(BIN)/python examples/notebooks/render.py $(NAME)

catalogue: $(READY)  ## writes what genus knows of recipes and data without importing them
	$(BIN)/python -m genus.recipes

bench: $(READY)  ## one benchmark: make bench NAME=flow/flow_tables ARGS='--only maf*'; lists them without NAME
	$(BIN)/python -m benchmarks.$(if $(NAME),$(subst /,.,$(NAME)) $(ARGS),bench --list)
	$(BIN)/python benchmarks/render.py

stale: $(READY)  ## looks for figures that were measured before a change of what they measure
	$(BIN)/python -m benchmarks.bench $(NAME)

lock:  ## pins anew what make installs, after a change of pyproject.toml; ARGS=--upgrade takes the newest
	$(UV) pip compile $(PIN) $(ARGS) -o constraints.txt
	$(UV) pip compile $(PIN) --generate-hashes -c constraints.txt -o requirements.lock
	$(UV) pip compile $(PIN) --generate-hashes -c constraints.txt -o requirements-cpu.lock --index $(CPU_INDEX)

clean:
	rm -rf $(VENV) report runs
