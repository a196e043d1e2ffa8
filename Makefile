# Everything happens in .venv, made from the lock; only Python 3.11 to 3.13 and make are assumed.
PYTHON ?= python3
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
export PATH := $(CURDIR)/$(BIN):$(PATH)
INSTALLED := .venv/installed

.PHONY: install demo test check coverage lock clean

install: $(INSTALLED)

$(INSTALLED): requirements/lock.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Lineup needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.11" if not (3, 11) <= sys.version_info < (3, 14) else 0)'
	test -d .venv || $(PYTHON) -m venv .venv
	@echo "installing into .venv (about 3 GB); this takes some minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(INSTALLED)
	$(BIN)/lineup demo

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Which lines the tests run, also in the processes they start; about twice as long as the tests alone.
coverage: $(INSTALLED)
	rm -f .coverage*
	$(BIN)/coverage run -m pytest -n auto
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Refreshes the lock to the newest versions that fit together, for every platform.
lock: $(INSTALLED)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --override requirements/overrides.txt --extra dev pyproject.toml -o requirements/lock.txt

clean:
	rm -rf .venv build *.egg-info
