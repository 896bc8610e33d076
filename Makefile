# Only Python 3.11 or later, pip and make are needed: every target makes the environment it needs.
PYTHON ?= python3
OUT ?= runs/adult
ARGS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
# The libraries that benchmarks compare with have an environment of their own.
PEERS := .venv-peers
# Which benchmarks `make bench` runs: names without .py, wildcards allowed.
BENCH ?= [a-z]*
# These have commands of their own.
NO_BENCH := coverage calibrate_cifar10 golden
# One stamp for each set of packages; older than what it depends on, or gone, it is made again.
RUN_READY := $(VENV)/ready-to-run
DEV_READY := $(VENV)/ready-to-develop
PEERS_READY := $(PEERS)/ready-to-compare

# An environment that was made halfway, elsewhere, or by a Python since removed does not work.
works = grep -qsF '$(CURDIR)/$(1)/' $(1)/bin/pip \
	&& $(1)/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
remake = $(if $(shell $(call works,$(1)) && echo yes),,FORCE)
install = PIP_DISABLE_PIP_VERSION_CHECK=1 $(1)/bin/python -m pip install -qq
# Worker processes already use every core; torch's threads on top of them only get in each other's way.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help reproduce test test-all lint bench coverage schema clean FORCE

help:
	@echo 'make reproduce   run the experiments on Adult and write the report to $(OUT)'
	@echo '                 ARGS="--runs 2" passes options on; OUT=folder writes elsewhere'
	@echo 'make test        lint, then every test of less than a minute'
	@echo 'make test-all    lint, then every test'
	@echo 'make lint        ruff and mypy'
	@echo 'make bench       benchmarks, a Markdown table each; BENCH=name runs one, ARGS="..." passes options on'
	@echo 'make coverage    simulate how often the intervals hold the truth; writes docs/coverage.md (six minutes)'
	@echo 'make schema      the JSON schema of results.json, from the code that writes it'
	@echo 'make clean       remove the environments and caches; runs/ stays'
	@echo
	@echo 'PYTHON=python3.12 picks another Python (after make clean); WORKERS=8 runs more tests at once.'

reproduce: $(RUN_READY)
	$(BIN)/fairtoll reproduce adult --out $(OUT) $(ARGS)

test: lint
	$(PYTEST) -m "not slow" $(ARGS)

test-all: lint
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

schema: $(RUN_READY)
	$(BIN)/python -c 'import json; from fairtoll.findings.results import Results; \
		print(json.dumps(Results.model_json_schema(), indent=1, sort_keys=True))' > src/fairtoll/findings/results.schema.json.new
	mv src/fairtoll/findings/results.schema.json.new src/fairtoll/findings/results.schema.json

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

# Without what they ask for: adv-lib and torchattacks want torchvision, which may be had for no torch but its own.
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
