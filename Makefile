# Two commands do everything on a fresh machine (Python 3.11, a C++ compiler, make):
#   make reproduce   the environment, then the whole line from nothing to scored micrographs
#   make test        the environment, then every check
SHELL := /bin/bash
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export GX_ANALYTICS_ENABLED := false
export TF_CPP_MIN_LOG_LEVEL ?= 2
# Compiled files of Python are kept whatever the caller says: without them every process compiles what it imports anew,
# TensorFlow for 17 seconds.
unexport PYTHONDONTWRITEBYTECODE
UI_PORT ?= 5000
# Processes that share the tests; 0: this one alone.
TEST_PROCESSES ?= 2

.PHONY: reproduce paper release test check lint environment ui clean lock

reproduce: environment
	dvc repro

# The line under the paper's condition (profiles/paper.yaml), in a clone of its own below build/.
paper: environment
	tools/profile.sh paper

# The line of the model that ships (params.release.yaml), likewise; docs/release.md says what follows.
release: environment
	tools/profile.sh release

test: environment lint
	python -m pytest --numprocesses $(TEST_PROCESSES)

lint: environment
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache

environment: .venv/ready

# Re-run whenever what it installs has changed; an interrupted set-up leaves no stamp and starts again.
.venv/ready: pyproject.toml requirements.lock requirements-setup.lock requirements-horovod.lock tools/setup.sh $(shell find tools/horovod -type f)
	tools/setup.sh

ui: environment
	@echo "heamap: the training runs are on http://127.0.0.1:$(UI_PORT)/#/experiments/1/runs (MLflow's first page is another)"
	mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/mlflow.db}" --host 127.0.0.1 --port $(UI_PORT)

# Everything that git ignores goes, clones below build/ too, and with the data the lock that described it: what is left is a fresh clone.
clean:
	git clean -q -ffdX
	git checkout -q -- dvc.lock

# Pin every dependency anew; run it by hand after editing pyproject.toml.
lock: environment
	tools/lock.sh
