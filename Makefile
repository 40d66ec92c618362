# `make` alone lists the targets. CI and people call the same ones.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

export ZENML_ENABLE_RICH_TRACEBACK := false
# Packages are installed without bytecode (see PIP_INSTALL), so what is imported must keep its own:
# where this variable is set, as in many images, every start would compile for 12 s again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed
RUN := $(BIN)/zenml pipeline run train_persona
PORT ?= 5000
CONFIG ?=

# --no-compile: the 20,000 files that nobody imports need no bytecode; it halves the install.
PIP_INSTALL := -m pip install --quiet --no-compile --disable-pip-version-check

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

# torch goes first and by itself: from a machine with a CPU build at hand pip takes that one,
# elsewhere the line brings the CUDA packages that this machine's torch wants. The lock holds
# neither, so that it is the same file on both; it is complete, hence --no-deps.
$(STAMP): requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python $(PIP_INSTALL) -c requirements.lock pip
	$(BIN)/python $(PIP_INSTALL) -c requirements.lock $$(grep '^torch==' requirements.lock)
	$(BIN)/python $(PIP_INSTALL) --no-deps -r requirements.lock
	@touch $@

.PHONY: install
install: $(STAMP)  ## make .venv from requirements.lock

.PHONY: stack
stack: $(STAMP)  ## register and activate the local ZenML stack of this clone
	$(BIN)/python -m infra.stacks.local

.PHONY: train
train: stack  ## run the quickstart, or CONFIG=configs/NAME.yaml
	$(RUN) $(if $(CONFIG),-c $(CONFIG))

.PHONY: smoke
smoke: stack  ## run the quickstart at smoke size
	$(RUN) -c configs/smoke.yaml

.PHONY: test
test: $(STAMP)  ## run the fast tests
	$(BIN)/python -m pytest -q --durations=10

.PHONY: test-slow
test-slow: $(STAMP)  ## run the tests that take longer
	$(BIN)/python -m pytest -q -m slow --durations=10

# A docstring may say in prose what a section would (missing sections and arguments: DOC101, 103,
# 201, 402, 501, 503) and name an error that a function called by it raises (DOC502, 503). What a
# docstring does say has to be true: the rest counts, and ruff's DOC102 finds an argument of a wrong
# name, which pydoclint itself reports as DOC103 only. pydoclint has no setting that leaves rules out.
PROSE := DOC101|DOC103|DOC201|DOC402|DOC501|DOC502|DOC503
PYDOCLINT := --quiet -sfn True benchmarks components steps pipelines infra train_persona.py retrain_persona.py

.PHONY: lint
lint: $(STAMP)  ## ruff, mypy, import-linter, pydoclint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	! { $(BIN)/pydoclint $(PYDOCLINT) || true; } 2>&1 | grep -vE ': ($(PROSE)): |^$$'

.PHONY: check-manifests
check-manifests: $(STAMP)  ## check the Kubernetes manifests, ours and ZenML's (needs kubectl)
	$(BIN)/python -m infra.manifests.check

.PHONY: format
format: $(STAMP)  ## let ruff format and fix what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Without job execution the server is two processes and 0.5 GB instead of nine and 1.8 GB.
.PHONY: ui
ui: stack  ## open the MLflow UI (PORT=5000), and say how to open ZenML's dashboard
	@echo "MLflow:           http://127.0.0.1:$(PORT)  (ctrl-c ends it)"
	@echo "ZenML dashboard:  source .venv/bin/activate && zenml login --local   (zenml logout --local ends it)"
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui --workers 1 --port $(PORT) \
	    --backend-store-uri "sqlite:///$(CURDIR)/state/artifacts/mlflow.db"

SERVE_PORT ?= 8000
MODEL ?= models:/persona-plug-LaMP_2@champion
.PHONY: serve
serve: stack  ## answer OpenAI's clients with the champion, and a page at / (SERVE_PORT=8000, MODEL=)
	$(BIN)/python -m infra.local_gateway --model $(MODEL) --port $(SERVE_PORT)

.PHONY: deploy
deploy: stack  ## keep the champion served on this machine, or as CONFIG= says; `make undeploy` ends it
	$(BIN)/zenml pipeline run deploy_persona -c $(or $(CONFIG),configs/deploy_local.yaml)

.PHONY: undeploy
undeploy: $(STAMP)  ## end the gateway that was deployed on this machine
	$(BIN)/python -m components.deployment.stop state/gateway

.PHONY: rollback
rollback: stack  ## make the previous champion champion again, and deploy it (CONFIG=)
	$(BIN)/python -m infra.rollback --config $(or $(CONFIG),configs/deploy_local.yaml)

# What is pinned stays pinned unless pyproject.toml forbids it; `make lock KEEP=` upgrades all.
# What a server needs, and what training does, is pinned as the rest is, in files of their own.
KEEP ?= -c requirements.lock
.PHONY: lock
lock:  ## resolve pyproject.toml in fresh environments and write the three lock files
	$(call resolve,requirements,$(KEEP),training serving postgres kubernetes dev)
	$(call resolve,requirements-serving,-c requirements.lock,serving postgres)
	$(call resolve,requirements-training,-c requirements.lock,training postgres kubernetes)

# $(call resolve,NAME,CONSTRAINTS,EXTRAS) writes NAME.lock.
define resolve
	rm -rf state/lock && mkdir -p state && $(PYTHON) -m venv state/lock
	state/lock/bin/python $(PIP_INSTALL) $(2) pip setuptools
	state/lock/bin/python -c 'import sys, tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; print(*p["dependencies"], *(line for extra in sys.argv[1:] for line in p["optional-dependencies"][extra]), sep="\n")' $(3) > state/lock/direct.txt
	state/lock/bin/python $(PIP_INSTALL) $(2) -r state/lock/direct.txt
	state/lock/bin/python -m pip check
	{ echo "# Made by \`make lock\`. Leaves out what torch brings for CUDA: see docs/decisions/0001."; \
	  state/lock/bin/python -m pip freeze --all | sed -E 's/\+[a-z0-9.]+$$//' | grep -vE '^(nvidia-|cuda-|triton==|wheel==)'; } > state/$(1).lock
	mv state/$(1).lock $(1).lock
	rm -rf state/lock
endef

.PHONY: clean
clean:  ## remove all that lies here: .venv, caches, artifacts, MLflow's database, reports
	rm -rf .venv .zen state reports .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
