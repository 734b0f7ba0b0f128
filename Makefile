# Each target sets up .venv by itself when it is missing or older than what it is made from.
PY := .venv/bin/python
PIP := .venv/bin/pip install --quiet --disable-pip-version-check -c constraints.txt
# A file of tests on each core: two that take two threads each would wait for each other.
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile

.PHONY: demo test quick check bench docs clean

.venv/base: pyproject.toml constraints.txt
	test -x $(PY) || python3 -m venv .venv
	$(PIP) torch==2.13.0
	$(PIP) -e ".[demo]"
	touch $@

.venv/dev: .venv/base
	$(PIP) -e ".[dev]"
	touch $@

.venv/bench: .venv/dev
	$(PIP) -e ".[bench]"
	touch $@

.venv/docs: .venv/base
	$(PIP) -e ".[docs]"
	touch $@

demo: .venv/base  ## the main job on an embedded default, about a minute
	.venv/bin/isogloss run recipes/quickstart.toml --out runs/demo

test: .venv/dev  ## everything, the slow tests too
	$(PYTEST)

quick: .venv/dev  ## without the slow tests
	$(PYTEST) -m "not slow"

check: .venv/dev  ## format, lint, types, and rooms that import only downward
	.venv/bin/ruff format --check src tests benchmarks recipes
	.venv/bin/ruff check src tests benchmarks recipes
	.venv/bin/ty check
	$(PY) -m pytest -q tests/test_rooms.py tests/test_startup.py

bench: .venv/bench  ## side by side with the tools people use today
	for script in benchmarks/*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

docs: .venv/docs  ## the documentation as pages in site/
	.venv/bin/zensical build

clean:
	rm -rf .venv site
