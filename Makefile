# Only Python 3.11 or later, pip and make are needed: every target creates the environment it needs.
PYTHON ?= python3
OUT ?= runs/adult
ARGS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
# The libraries that benchmarks compare with have their own environment.
PEERS := .venv-peers
# Which benchmarks `make bench` runs: names without .py, wildcards allowed.
BENCH ?= [a-z]*
# These are not run by `make bench`.
NO_BENCH := coverage calibrate_cifar10 golden gaussian_places
# One stamp file for each set of packages; the set is installed again if it is missing or out of date.
RUN_READY := $(VENV)/ready-to-run
DEV_READY := $(VENV)/ready-to-develop
ALL_READY := $(VENV)/ready-for-every-test
PEERS_READY := $(PEERS)/ready-to-compare

# An environment that is incomplete, was moved, or belongs to a Python since removed does not work.
works = grep -qsF '$(CURDIR)/$(1)/' $(1)/bin/pip \
	&& $(1)/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
remake = $(if $(shell $(call works,$(1)) && echo yes),,FORCE)
install = PIP_DISABLE_PIP_VERSION_CHECK=1 $(1)/bin/python -m pip install -qq
# Worker processes already use every core; more threads in torch would only slow them down.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help reproduce test test-all lint bench coverage docs schema clean FORCE

help:
	@echo 'make reproduce   run the experiments on Adult and write the report to $(OUT)'
	@echo '                 ARGS="--runs 2" passes options; OUT=folder writes to another folder'
	@echo 'make test        lint, then every test that takes less than a minute'
	@echo 'make test-all    lint, then every test'
	@echo 'make lint        ruff and mypy'
	@echo 'make bench       benchmarks, each prints Markdown tables; BENCH=name runs one, ARGS="..." passes options'
	@echo 'make coverage    simulate the coverage of the intervals; writes docs/coverage.md (half an hour)'
	@echo 'make docs        build the site, strictly and without a network: build/site/index.html'
	@echo 'make schema      write the JSON schemas of results.json and audit.toml from the code'
	@echo 'make clean       remove the environments and caches; runs/ is kept'
	@echo
	@echo 'PYTHON=python3.12 selects another Python (after make clean); WORKERS=8 runs more tests in parallel.'

reproduce: $(RUN_READY)
	$(BIN)/fairtoll reproduce adult --out $(OUT) $(ARGS)

test: lint
	$(PYTEST) -m "not slow" $(ARGS)

test-all: lint $(ALL_READY)
	$(PYTEST) $(ARGS)

lint: $(DEV_READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(DEV_READY) $(PEERS_READY)
	@for file in $(filter-out $(NO_BENCH:%=benchmarks/%.py),$(wildcard benchmarks/$(BENCH).py)); do \
		echo "# $$file"; \
		case $$file in benchmarks/attack*) python=$(PEERS)/bin/python ;; *) python=$(BIN)/python ;; esac; \
		$$python $$file $(ARGS) || exit 1; done

coverage: $(DEV_READY)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/coverage.py

docs: $(DEV_READY)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/site
	@echo 'Site: build/site/index.html'

schema: $(RUN_READY)
	$(BIN)/python -c 'import json; from fairtoll.findings.results import Results; \
		print(json.dumps(Results.model_json_schema(), indent=1, sort_keys=True))' > src/fairtoll/findings/results.schema.json.new
	mv src/fairtoll/findings/results.schema.json.new src/fairtoll/findings/results.schema.json
	$(BIN)/python -c 'import json; from fairtoll.cli.settings import settings_schema; \
		print(json.dumps(settings_schema(), indent=1, sort_keys=True))' > src/fairtoll/cli/audit.schema.json.new
	mv src/fairtoll/cli/audit.schema.json.new src/fairtoll/cli/audit.schema.json

clean:
	rm -rf $(VENV) $(PEERS) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find $(wildcard src tests benchmarks) -name __pycache__ -prune -exec rm -rf {} +

$(RUN_READY): pyproject.toml constraints.txt $(call remake,$(VENV))
	$(call make-venv,$(VENV))
	$(call install,$(VENV)) -c constraints.txt -e .
	@touch $@

$(DEV_READY): pyproject.toml constraints.txt $(call remake,$(VENV))
	$(call make-venv,$(VENV))
	$(call install,$(VENV)) -c constraints.txt -e '.[dev]'
	@touch $@ $(RUN_READY)

# Large libraries that only slow tests need.
$(ALL_READY): pyproject.toml constraints.txt $(DEV_READY)
	$(call install,$(VENV)) -c constraints.txt -e '.[dev,test-all]'
	@touch $@

# Without their dependencies: adv-lib and torchattacks require torchvision, which needs one exact version of torch.
$(PEERS_READY): pyproject.toml constraints.txt benchmarks/peers.txt $(call remake,$(PEERS))
	$(call make-venv,$(PEERS))
	$(call install,$(PEERS)) -c constraints.txt -e .
	$(call install,$(PEERS)) --no-deps -r benchmarks/peers.txt
	@touch $@

define make-venv
@$(call works,$(1)) || { \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "fairtoll needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing);" \
			"name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }; \
	$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "'$(PYTHON)' lacks the venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
	echo 'Setting up $(1); this takes a minute or two.'; \
	rm -rf $(1); \
	$(PYTHON) -m venv $(1); }
endef
