# Two commands do everything on a fresh Debian or Ubuntu machine with Python 3.10 or newer:
#   make demo    cluster real images offline and open the App   (IMAGES=folder, DIGITS=1, APP=0, PORT=5151)
#   make test    the tests in two processes (JOBS=2), with a few in a browser
# Another Python or FiftyOne: make test PYTHON=python3.13 VENV=.venv313 FIFTYONE=1.22.0
# `make test-app` runs the sessions of a user in the App, in Chromium: a whole working day, every form and tab.
# `make test-firefox` does the job in Firefox, too.
# `make test-slow` runs what is left out of that: downloads, trainings in the App and in several processes.
# `make test-matrix` runs every operation on every shape of data, before and after changes; `make test` a slice of that.
# `make test-kernels` repeats the numerics' tests with another kernel of OpenBLAS, if this processor has one.
# `make check` runs the linters, `make bench` lists the benchmarks, `make screenshots` renews the README pictures.

PYTHON ?= python3
VENV ?= .venv
PORT ?= 5151
JOBS ?= 2
APP ?= 1
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What computes with vectors and clusters, without what trains for minutes
KERNEL_TESTS := tests/models/vectors tests/models/analysis tests/models/clusterers $(wildcard tests/models/test_placement*.py) \
	--ignore tests/models/clusterers/deep --ignore tests/models/clusterers/test_clusterers_sklearn.py

.PHONY: setup demo test test-app test-slow test-firefox test-matrix test-kernels check bench screenshots clean

setup: $(READY)

$(READY): requirements.txt requirements-dev.txt scripts/system.sh scripts/mongod.py
	sh scripts/system.sh venv $(PYTHON)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt $(if $(FIFTYONE),fiftyone==$(FIFTYONE))
	$(BIN)/python scripts/mongod.py
	touch $(READY)

demo: $(READY)
	$(if $(IMAGES)$(DIGITS),,sh scripts/system.sh stamps .demo/stamps)
	$(BIN)/python scripts/demo.py $(if $(IMAGES),--images "$(IMAGES)") $(if $(DIGITS),--digits) $(if $(filter 0,$(APP)),--no-app) --port $(PORT)

test: $(READY)
	sh scripts/system.sh chromium
	@# xdist would start with the largest files, but browser tests come last: see tests/conftest.py
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not slow and (not browser or brief) and not firefox" $(ARGS)

test-app: $(READY)
	sh scripts/system.sh chromium
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "browser and not slow and not brief and not firefox" $(ARGS)

test-slow: $(READY)
	sh scripts/system.sh chromium
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m slow $(ARGS)

test-firefox: $(READY)
	sh scripts/system.sh firefox
	OMP_NUM_THREADS=1 $(BIN)/pytest -m firefox $(ARGS)

test-matrix: $(READY)
	CONSTELLATION_MATRIX=all OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist load tests/matrix $(ARGS)

test-kernels: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python scripts/kernels.py -n $(JOBS) --dist loadfile $(KERNEL_TESTS) $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	sh scripts/typecheck.sh $(BIN)/mypy

bench: $(READY)
	@for script in tests/benchmarks/*.py; do \
		echo "$(BIN)/python $$script"; sed -n '1s/^"*/    /;1s/"*$$//p' $$script; done

screenshots: $(READY)
	sh scripts/system.sh chromium
	sh scripts/system.sh stamps .demo/stamps
	$(BIN)/python scripts/screenshots.py

clean:
	rm -rf $(VENV) .demo
