# The commands for contributors and operators; `make` without a target lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check
VENDORS := tests/vendors
VENDORS_VENV := .venv-vendors
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes \
	--python-version 3.11 --custom-compile-command "make lock" $(UPGRADE) pyproject.toml

# Property tests that `make soak` runs with more examples.
LAWS := tests/warehouse/figures/test_figures.py tests/batcher/load/test_duplicates.py \
	tests/batcher/load/test_spool_states.py \
	tests/reports/counting/test_stats_and_events.py
# Left out of `make quick`: of the tests that start no process, half of the time is theirs.
LONG := $(LAWS) tests/warehouse/test_build.py tests/warehouse/delta/test_log_digests.py \
	tests/reports/counting/test_stats_reader.py tests/proxy/history/test_importer.py \
	tests/proxy/history/test_progress.py tests/test_bit_damage.py \
	tests/reports/reconcile/test_refund_totals.py

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev programs clients clients-soak demo-geo run quick test fmt lint \
	types imports docs docs-fresh golden soak mutants bench lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

# .venv holds a copy of the lock it was made from: when the lock differs, .venv is rebuilt.
setup: ## Create .venv with the dependencies of Millpond, hashes checked
	@cmp -s requirements.lock $(VENV)/requirements.lock || { set -e; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "setup: $(PYTHON) is older than 3.11; name another: make PYTHON=…"; exit 1; }; \
	echo "setup: installing into $(VENV), a few minutes the first time"; \
	$(PYTHON) -m venv --clear $(VENV) \
		|| { echo "setup: no venv in this Python; on Debian: apt-get install python3-venv"; exit 1; }; \
	$(PIP) --require-hashes --requirement requirements.lock; \
	$(PIP) --no-index --no-deps --no-build-isolation --editable .; \
	cp requirements.lock $(VENV)/requirements.lock; }

setup-dev: setup ## Add the dependencies of the tests to .venv, hashes checked
	@cmp -s requirements-dev.lock $(VENV)/requirements-dev.lock || { set -e; \
	echo "setup: installing the test tools"; \
	$(PIP) --require-hashes --requirement requirements-dev.lock; \
	cp requirements-dev.lock $(VENV)/requirements-dev.lock; }

programs: ## Install the programs that the tests start, where that is possible
	@sh tests/install_programs.sh

# The copy of the lock shows what is installed, as in setup. Without npm, the tests that
# need it are skipped with a message.
NPM = cmp -s $(1)/package-lock.json $(1)/node_modules/.taken || { \
	command -v npm >/dev/null 2>&1 || { echo "npm IS MISSING, the tests of $(1) will be skipped" >&2; \
		test "$$CI" != true; exit; }; \
	echo "clients: installing $(1), a minute or two"; \
	npm ci --prefix $(1) --silent --no-audit --no-fund --ignore-scripts \
		&& cp $(1)/package-lock.json $(1)/node_modules/.taken; }

# The Python clients have their own environment, so that their dependencies cannot
# conflict with Millpond's.
clients: ## Install the vendors' clients and the build tools of our own, hashes checked
	@$(call NPM,$(VENDORS))
	@$(call NPM,clients/medusa)
	@cmp -s $(VENDORS)/requirements.lock $(VENDORS_VENV)/.taken || { set -e; \
	echo "clients: installing the Python clients into $(VENDORS_VENV)"; \
	$(PYTHON) -m venv --clear $(VENDORS_VENV); \
	$(VENDORS_VENV)/bin/python -m pip install --quiet --no-input \
		--disable-pip-version-check --require-hashes \
		--requirement $(VENDORS)/requirements.lock; \
	cp $(VENDORS)/requirements.lock $(VENDORS_VENV)/.taken; }

clients-soak: clients
	@$(call NPM,tests/clients/medusa/server)

# Public-domain data with a version fixed in deploy/geo. Without it the demo's countries
# are unknown.
demo-geo:
	@cmp -s deploy/geo/package-lock.json deploy/geo/node_modules/.taken || { \
	command -v npm >/dev/null 2>&1 \
		&& npm ci --prefix deploy/geo --silent --no-audit --no-fund --ignore-scripts \
		&& cp deploy/geo/package-lock.json deploy/geo/node_modules/.taken \
		|| echo "setup: no country database without npm; the demo's countries stay unknown"; }

run: setup demo-geo ## Start Millpond on sample traffic, until Ctrl-C
	@$(BIN)/millpond demo

test: setup-dev programs clients lint types imports docs-fresh ## Set up, check and test everything
	@$(BIN)/python -m pytest -n 2 -ra -m "not slow"

# Tests that can start a process are marked as such by tests/conftest.py.
quick: lint types imports ## Check style, types, imports and run the quick tests
	@$(BIN)/python -m pytest -n 2 -q -m "not slow and not browser and not crash and not process" \
		$(addprefix --ignore ,tests/vendors tests/clients $(LONG))

fmt: setup-dev ## Format the code and apply automatic fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: setup-dev ## Check style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .

types: setup-dev ## Check the types
	@$(BIN)/mypy

imports: setup-dev ## Check the import contracts
	@$(BIN)/lint-imports --no-logo

docs: setup-dev ## Write the generated pages
	@$(BIN)/python docs/build.py

docs-fresh: setup-dev ## Fail when a generated page is stale
	@$(BIN)/python docs/build.py --check

golden: setup-dev ## Rewrite the golden files; review them with git diff
	@MILLPOND_GOLDEN=write $(BIN)/python -m pytest -n 2 -q -m "not slow and not browser and not crash"

soak: setup-dev clients-soak ## Run the long tests: crashes, large data
	@sh tests/install_programs.sh initdb
	@$(BIN)/python -m pytest -n 0 -ra -m slow --timeout 7200
	@$(BIN)/python -m pytest -n 2 -ra --hypothesis-profile soak --timeout 7200 $(LAWS)
	@$(BIN)/python -m tests.mutants

mutants: setup-dev ## Change the core modules a little; at least 95 % must be noticed
	@$(BIN)/python -m tests.mutants

bench: setup-dev ## Run the benchmarks; write the figures to benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

lock: setup-dev ## Update the lock files; UPGRADE=--upgrade takes newer versions
	@$(COMPILE) --extra build --output-file requirements.lock
	@$(COMPILE) --extra build --extra dev --constraint requirements.lock \
		--output-file requirements-dev.lock

clean: ## Remove everything that the other targets created
	@rm -rf $(VENV) $(VENDORS_VENV) $(VENDORS)/node_modules deploy/geo/node_modules \
		clients/*/dist clients/*/node_modules tests/clients/medusa/server/node_modules \
		build *.egg-info .*_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
