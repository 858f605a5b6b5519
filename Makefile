# Every target does its own set-up and is quick the second time. `make` alone lists them.

PYTHON ?= python3
PYTEST ?= .venv/bin/pytest
BIN := .venv/bin
# Several pytest processes read what one of them has compiled, also where the environment says that nothing is to be written.
export PYTHONDONTWRITEBYTECODE :=
# Only the part after this is printed by recipes: results on stdout, narration on stderr.
MAKEFLAGS += --no-print-directory
.SILENT:
.DEFAULT_GOAL := help
.PHONY: help run test test-engine test-outside cov fuzz fuzz-sandbox conformance sample kills crashes engine images engine-stop engines check check-types check-docs check-tests docs fmt bench pictures sandbox schema install clean

# Puts the address of an Engine that has its images into DOCKER_HOST.
WITH_IMAGES = address=$$($(PYTHON) -m tools.images --export) || exit $$?; eval "$$address";

# What covers the core on purpose: the tests that draw manifests at random must not decide whether it is covered.
CORE_TESTS := tests/core $(filter-out %/test_mutations.py,$(wildcard tests/manifest/test_*.py))
# Percent. Python versions count the branches of a match statement a little differently, which is no reason for `make test` to fail.
COVERED = $(if $(filter test,$(MAKECMDGOALS)),99.5,100)
# Tests on the real Engine wait more than they compute, so many run side by side (tests/support/together.py).
ENGINE_TESTS = $(sort $(shell grep -rl --include="test_*.py" "mark[.]docker" tests))
SIDE_BY_SIDE ?= 4
# The few that fail are run once more, alone, and named (tools/twice.py).
TWICE = $(BIN)/python -m tools.twice 3
ON_ENGINE = $(TWICE) -q -n $(SIDE_BY_SIDE) --dist loadgroup -p no:hypothesispytest -m "docker and not slow_conformance" $(ENGINE_TESTS)
COVER = $(PYTEST) -q -n 2 $(CORE_TESTS) --cov=runner.core --cov-branch --cov-fail-under=$(COVERED) \
	--cov-report=term-missing:skip-covered

help: ## list the targets
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: install ## take the Pod of two init containers to Ready on a real Engine, show it, remove it
	$(WITH_IMAGES) $(BIN)/python -m tools.demo

test: check ## check everything and run all tests, those on the real Engine included
	$(BIN)/python -m compileall -q runner podrunner_plugin.py  # once, for hundreds of processes
	$(WITH_IMAGES) export PODRUNNER_REQUIRE_ENGINE=1; \
	$(COVER) && $(TWICE) -q -n 2 -m "not docker" $(addprefix --ignore=,$(CORE_TESTS)) \
	&& $(BIN)/python -m tools.sample
	$(MAKE) -j 2 test-engine test-outside

test-engine: ## the tests on the Engine alone, a part of test
	$(WITH_IMAGES) export PODRUNNER_REQUIRE_ENGINE=1; $(ON_ENGINE)

test-outside: ## the sample's tests as a project of its own, a part of test; what they print comes at their end
	$(WITH_IMAGES) printed=$$($(BIN)/python -m tools.outside -n 2 2>&1); code=$$?; echo "$$printed"; exit $$code

cov: install ## run the tests of the core and see that they reach every branch of it
	$(COVER)

fuzz: install ## try 20,000 mutated manifests: loading, validation, and a life in virtual time for the valid ones
	PODRUNNER_FUZZ=20000 $(PYTEST) -q tests/fuzz --timeout 1800 --hypothesis-profile=drawn

fuzz-sandbox: install ## fuzz the parsers of the sandbox's C programs with sanitizers, ten minutes in all (SECONDS=60: one)
	$(BIN)/python -m tools.fuzz_sandbox $(SECONDS)

conformance: install ## run the Kubernetes node scenarios side by side on a real Engine, as a kubelet ran them (7 min)
	$(WITH_IMAGES) export PODRUNNER_REQUIRE_ENGINE=1; $(PYTEST) -q tests/conformance

sample: install ## build the sample's images and run its tests: a shop with a real PostgreSQL in one Pod
	$(WITH_IMAGES) $(BIN)/python -m tools.sample && cd fixtures/sample && ../../$(PYTEST) -q -n 2 --podrunner-require-engine

kills: install ## kill test sessions at 20 moments and see that the next one removes what they left
	$(WITH_IMAGES) PODRUNNER_KILLS=20 PODRUNNER_REQUIRE_ENGINE=1 $(PYTEST) -q tests/plugin -k killed

crashes: install ## let eleven pods live in virtual time with a crash, an error, a lost or a late reply at every step, and events and lists gone wrong
	$(BIN)/python -m tools.crashes

engine: ## have a usable Engine; prints one line for eval: export DOCKER_HOST=…
	$(PYTHON) -m tools.engine up

images: ## see that the Engine can pull the images of the fixtures
	$(PYTHON) -m tools.images

engine-stop: ## stop the private Engine, and nothing else
	$(PYTHON) -m tools.engine stop

engines: ## run the tests on the Engines of newer Debians (26.1, 28.5), each in a root of its own
	$(PYTHON) -m tools.engines

check: install ## lint, format, types, import layers and the documentation
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports --no-logo
	$(BIN)/python -m tools.make_layers --check
	$(BIN)/python -m tools.make_pictures --check
	$(MAKE) -j 2 check-types check-docs $(if $(filter test,$(MAKECMDGOALS)),check-tests)

check-types: ## the types alone, a part of check
	$(BIN)/mypy

check-docs: ## the documentation alone, a part of check
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build

check-tests: ## see that the tests can be loaded; their processes read what this one has compiled
	$(PYTEST) -qq --collect-only >/dev/null || $(PYTEST) -qq --collect-only

docs: install ## make the documentation: docs/_build/index.html
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build

fmt: install ## format and repair what ruff can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## compare a run with plain Engine calls, the pytest plugin with both, deletions with bare removals, fifty pods in one run with a plain script, a run with its record with one without, and simulate a thousand pods for a day
	$(WITH_IMAGES) $(BIN)/python -m tools.bench
	$(WITH_IMAGES) $(BIN)/python -m tools.bench_plugin
	$(WITH_IMAGES) $(BIN)/python -m tools.bench_delete
	$(WITH_IMAGES) $(BIN)/python -m tools.bench_fifty
	$(WITH_IMAGES) $(BIN)/python -m tools.bench_laboratory
	$(BIN)/python -m tools.bench_simulation

pictures: install ## draw the pictures of README.md and docs anew, in virtual time
	$(BIN)/python -m tools.make_pictures

sandbox: install ## rebuild the pause programs from source and compare them with the shipped ones
	$(BIN)/python -m runner.sandbox.build --check

schema: install ## regenerate the schema data file from the Kubernetes schemas
	$(BIN)/python -m tools.make_schema

install: ## make .venv with the package and its extras
	$(PYTHON) -m tools.install

clean: ## remove .venv and caches; the private Engine stays (see engine-stop)
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov docs/_build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
