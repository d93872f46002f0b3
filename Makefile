# Used when .venv is made; change it with `make install PYTHON=python3.12`.
PYTHON ?= python3

VENV := .venv
PY := $(VENV)/bin/python

# The oldest supported stack. Its torch has no wheel for Python 3.12 and newer.
OPENMMLAB := .venv-openmmlab
OLD := $(OPENMMLAB)/bin/python

.DEFAULT_GOAL := help
.PHONY: help install demo test test-full test-openmmlab mutants lint audit \
  docs linkcheck wheel-check bench bench-full soak gpu-check clean distclean

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## /\1\t/p' Makefile | expand -t 16

install: $(VENV)/.installed  ## make .venv with the pinned stack and this package

demo: install  ## train, score and plot on toy images, on the CPU
	$(PY) -m mmseg_panet demo

# Each of the two workers has one torch thread: more only wait for each other.
# Coverage takes a third more time before Python 3.12: make test COVERAGE=
COVERAGE ?= --cov=mmseg_panet

test: install  ## run the tests and the examples, and print the coverage
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 -m 'not slow' $(COVERAGE)

test-full: install  ## run all tests, the slow ones too, such as kills
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2

test-openmmlab: $(OPENMMLAB)/.installed  ## run them on the original OpenMMLab stack
	OMP_NUM_THREADS=1 $(OLD) -m pytest -n 2 -m 'not slow'

# Some mutants only: make mutants MUTANTS='mmseg_panet.models.resize.*'
MUTANTS ?=

mutants: install  ## change the code that counts, and list what no test notices
	$(PY) -m pip install --quiet --disable-pip-version-check mutmut==3.8.1
	OMP_NUM_THREADS=1 $(PY) -m mutmut run --max-children 2 $(MUTANTS)
	$(PY) -m mutmut results

lint: install  ## check style, types and spelling
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m codespell_lib

audit: install  ## look for unsafe code and for known vulnerabilities
	$(PY) -m bandit -q -c pyproject.toml -r mmseg_panet tools benchmarks examples
	$(PY) -m pip_audit --no-deps --disable-pip -r requirements/onedl.txt

# The notebook takes MMSEG_PANET_WEIGHTS, the file of a ResNet-18, if there is
# no connection.
docs: install  ## build the site in docs/_build/html, and check its links
	$(PY) -m sphinx -q -W --keep-going -c docs . docs/_build/html
	@echo 'The site is docs/_build/html/index.html.'

linkcheck: install  ## check the links to other sites, which needs a connection
	@$(PY) -c 'from urllib.request import urlopen; \
	  urlopen("https://github.com", timeout=20)' 2>/dev/null || { \
	  echo 'There is no connection, so no link was checked.' >&2; exit 1; }
	$(PY) -m sphinx -q -b linkcheck -D nb_execution_mode=off -c docs . \
	  docs/_build/linkcheck

wheel-check:  ## build the wheel, install and use it in an empty folder
	PYTHON=$(PYTHON) .ci/wheel-check

# The folder of photographs and weights, if you have any: make bench DATA=DIR
DATA ?= data

bench: install  ## measure the quick figures, under 10 minutes
	$(PY) -m benchmarks.run --data $(DATA)

bench-full: install  ## measure all figures, hours on a CPU
	$(PY) -m benchmarks.run --full --data $(DATA)

soak: install  ## measure the growth of memory in long jobs, 15 minutes
	OMP_NUM_THREADS=1 $(PY) -m benchmarks.run --only 'soak-*'

# What PY names is used as it is: make gpu-check PY=python3 DATA=DIR
# make gpu-check FLAGS='--device cpu --quick' checks the steps without a GPU.
gpu-check: $(if $(filter $(VENV)/%,$(PY)),install)  ## check and measure on a GPU, under 10 minutes
	$(PY) -m benchmarks.gpu_check --data $(DATA) $(FLAGS)

clean:  ## remove the demo's output and all caches
	rm -rf work_dirs/demo build dist docs/_build mutants .coverage .pytest_cache .mypy_cache .ruff_cache
	find . -path './$(VENV)*' -prune -o -name __pycache__ -prune -exec rm -rf {} +

distclean: clean  ## clean, and remove .venv and .venv-openmmlab
	rm -rf $(VENV) $(OPENMMLAB)

# pip is the last thing that venv makes, so an incomplete .venv is made again.
$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo 'mmseg_panet needs Python 3.10 or newer, and $(PYTHON) is not;' \
	    'name another one: make install PYTHON=python3.11' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

# The stamp is written last, so that an interrupted installation is resumed.
$(VENV)/.installed: requirements/onedl.txt requirements/dev.txt setup.py \
    Makefile | $(VENV)/bin/pip
	@echo 'Installing PyTorch, MMSegmentation and the checks into $(VENV):' \
	  'about 5 GB, 2 to 3 minutes the first time.'
	$(PY) -m pip install --disable-pip-version-check -r requirements/dev.txt
	$(PY) -m pip install --disable-pip-version-check --no-deps -e .
	@touch $@

$(OPENMMLAB)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit( \
	  not (3, 10) <= sys.version_info < (3, 12))' || { \
	  echo 'torch 2.1 needs Python 3.10 or 3.11, and $(PYTHON) is another one;' \
	    'name it: make test-openmmlab PYTHON=python3.11' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(OPENMMLAB)

# torch comes first, because mmcv is compiled against it. pip keeps the wheel of
# mmcv in its cache for the next time. The cache does not tell whether a wheel
# has the operators, so they are imported.
$(OPENMMLAB)/.installed: requirements/minimum.txt setup.py Makefile \
    | $(OPENMMLAB)/bin/pip
	@echo 'Installing the original OpenMMLab packages into $(OPENMMLAB):' \
	  'about 6 GB; compiling mmcv takes 15 minutes the first time.'
	$(OLD) -m pip install --disable-pip-version-check \
	  -c requirements/minimum.txt torch numpy setuptools wheel ninja psutil
	MMCV_WITH_OPS=1 FORCE_CUDA=0 MAX_JOBS=$${MAX_JOBS:-2} \
	  $(OLD) -m pip install --disable-pip-version-check \
	  --no-build-isolation -r requirements/minimum.txt
	@$(OLD) -c 'import mmcv.ops' || { \
	  echo 'This mmcv has no operators; run pip cache remove mmcv, and' \
	    'make distclean test-openmmlab again' >&2; exit 1; }
	$(OLD) -m pip install --disable-pip-version-check --no-deps -e .
	@touch $@
