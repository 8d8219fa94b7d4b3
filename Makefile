# Leasehold. `make` lists what can be made.

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
# As many test workers as processors, and no more than eat the memory of a small machine.
WORKERS ?= $(shell n=$$(nproc); [ $$n -gt 4 ] && n=4; echo $$n)
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
FAST := not soak and not rig and not browser and not journey and not chaos and not fuzz
ROUNDS ?= 3
REQUESTS ?= 200
PYTEST := $(BIN)/pytest -n $(WORKERS)
CHECKS := format lint types arrows migrations

export PORT

.DEFAULT_GOAL := help
.PHONY: help demo test check conformance bench chaos soak fmt lock clean may-start packages kvm $(CHECKS)
.NOTPARALLEL:

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: may-start .venv/base kvm ## Everything on loopback, with data to look at (PORT=8000); Ctrl-C stops it
	@$(BIN)/python -m portal.demo

# One failure does not hide the next: everything runs, and pytest has the last word.
test: packages .venv/dev kvm ## All checks and all tests, with every server they need
	@failed=0; \
	$(MAKE) --no-print-directory --keep-going $(CHECKS) || failed=1; \
	echo "The rules and the pages on PostgreSQL:"; \
	$(BIN)/python -m tests.rigs.postgres $(PYTEST) -q -m "$(FAST) or fuzz" tests/lifecycle tests/portal || failed=1; \
	echo "Everything, on SQLite:"; \
	$(PYTEST) || failed=1; \
	exit $$failed

check: .venv/dev $(CHECKS) ## Format, lint, types, arrows, migrations and the fast tests
	$(PYTEST) -m "$(FAST)"

# XAPI_URL= XAPI_USER= XAPI_PASSWORD= XAPI_CA=, VCENTER_…, LIBVIRT_URI= ask a server of yours instead of one of the tests' own.
conformance: packages .venv/dev kvm ## What every adapter promises, on all of them (docs/hypervisors.md)
	$(PYTEST) -q tests/hypervisors/conformance

# docs/benchmarks.md says how to read it. BENCH="--only search" measures less.
bench: packages .venv/dev kvm ## How long pages take with 100,000 machines, how soon the engine acts, and what adapters cost; written to var/bench
	@$(BIN)/python -m tests.rigs.postgres $(BIN)/python -m tests.benchmarks $(BENCH)
	@$(BIN)/python -m tests.rigs.postgres $(BIN)/python -m tests.benchmarks.detecting
	@$(BIN)/python -m tests.benchmarks.engine files
	@$(BIN)/python -m tests.rigs.postgres $(BIN)/python -m tests.benchmarks.engine redis
	@$(BIN)/python -m tests.benchmarks.adapters
	@$(BIN)/python -m tests.rigs.postgres $(BIN)/python -m tests.benchmarks.importing

# docs/developing.md says what it breaks and what it proves.
chaos: packages .venv/dev kvm ## The engine among everything that breaks around it (SEED=7 REQUESTS=200)
	@$(BIN)/python -m tests.chaos --requests $(REQUESTS) $(if $(SEED),--seed $(SEED))

# What takes long: hours if need be. One failure does not hide the next.
soak: packages .venv/dev kvm ## A guest that is signed in to, the benchmark with many pairs on both databases, and three rounds of all tests and chaos (ROUNDS=3)
	@failed=0; \
	tests/packages.sh soak/packages.txt; \
	$(PYTEST) -m soak || failed=1; \
	$(BIN)/python -m tests.rigs.postgres $(BIN)/python -m tests.benchmarks --pairs 101 || failed=1; \
	$(BIN)/python -m tests.benchmarks --pairs 21 || failed=1; \
	for round in $$(seq $(ROUNDS)); do \
		echo "Round $$round, and the seed of its chances:"; \
		$(BIN)/python -m tests.rigs.postgres $(PYTEST) -q -m "$(FAST)" --hypothesis-seed=$$round tests/lifecycle tests/portal \
			|| failed=1; \
		$(PYTEST) -q --hypothesis-seed=$$round || failed=1; \
		$(BIN)/python -m tests.chaos --seed $$round --requests $(REQUESTS) || failed=1; \
	done; \
	exit $$failed

format: .venv/dev
	$(BIN)/ruff format --check .

lint: .venv/dev
	$(BIN)/ruff check .

types: .venv/dev
	$(BIN)/mypy

arrows: .venv/dev
	$(BIN)/lint-imports --no-logo

migrations: .venv/dev
	TEST_DATABASE_URL=sqlite:///:memory: DJANGO_SETTINGS_MODULE=tests.environment $(BIN)/python manage.py makemigrations --check

fmt: .venv/dev ## Formats the code and mends what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# uv is not pinned: it writes the pins. An existing pin is kept unless LOCK=--upgrade.
lock: .venv/dev ## Writes requirements/ anew from pyproject.toml (LOCK=--upgrade for newer versions)
	@[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet uv
	$(COMPILE) $(LOCK) -o requirements/base.txt
	$(COMPILE) $(LOCK) -c requirements/base.txt --extra kvm -o requirements/kvm.txt
	$(COMPILE) $(LOCK) -c requirements/base.txt --extra postgres -o requirements/postgres.txt
	$(COMPILE) $(LOCK) -c requirements/base.txt --extra postgres --group dev -o requirements/dev.txt

clean: ## Removes what the tools left; the demo's data in var/demo stays
	rm -rf var/test .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# Before anything is installed, so that a refusal costs nobody a minute.
may-start:
	@$(PYTHON) -m portal.demo --check

packages:
	@tests/packages.sh

# What is installed is remembered by files in .venv that are newer than the lists.
.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/base: requirements/base.txt | .venv/bin/python
	@echo "Installing …"
	@$(INSTALL) -r requirements/base.txt
	@touch $@

.venv/dev: requirements/dev.txt | .venv/bin/python
	@echo "Installing what the tests need …"
	@$(INSTALL) -r requirements/dev.txt
	@touch $@ .venv/base

# libvirt's library is compiled on the spot; without its headers, KVM endpoints are refused with a sentence.
kvm: | .venv/bin/python
	@if [ -z "$$(find .venv/kvm -newer requirements/kvm.txt 2>/dev/null)" ] \
			&& command -v gcc >/dev/null && pkg-config --exists libvirt 2>/dev/null; then \
		$(INSTALL) -r requirements/kvm.txt || echo "KVM endpoints will not work: libvirt's Python library could not be built."; \
		touch .venv/kvm; \
	fi
