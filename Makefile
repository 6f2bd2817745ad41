# Every target sets up what it needs; `make run` and `make test` work from an empty clone with Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
ARGS ?=
PYTEST_ARGS ?=

.PHONY: setup setup-dev run sim test long fuzz check bench crash damage switches soak drill metrics-check browser page-speed audit lock clean help

help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.runtime ## make .venv and install the locked runtime dependencies

setup-dev: $(VENV)/.dev

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock requirements-build.lock pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --require-hashes --requirement requirements.lock --requirement requirements-build.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(PIP) install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@

run: setup ## start the paper daemon on the embedded simulated venue (ARGS="--cycles 10" adds options)
	@$(BIN)/tradingbot run $(ARGS)

sim: setup ## start the simulated venue alone
	@$(BIN)/tradingbot sim $(ARGS)

test: setup-dev ## run the tests
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(PYTEST_ARGS)

long: setup-dev ## run the tests that are too long for make test
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m long --ignore tests/browser $(PYTEST_ARGS)

fuzz: setup-dev ## run the property tests with examples of their own, not those of make test
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m hypothesis --hypothesis-profile=search $(PYTEST_ARGS)

check: setup-dev ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check src tests benchmarks scripts
	@$(BIN)/ruff format --check src tests benchmarks scripts
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup-dev ## print the benchmark table and write benchmarks/latest.json
	@$(BIN)/python -m benchmarks $(ARGS)

audit: setup-dev ## check the locked dependencies for known vulnerabilities
	@AUDIT=$(BIN)/pip-audit scripts/audit.sh

lock: setup-dev ## resolve the dependencies anew (needs uv on the PATH)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock
	uv pip compile pyproject.toml --group dev --group browser --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements-browser.lock
	uv pip compile --group build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements-build.lock

browser: setup-dev ## click through the page of a real daemon in Chromium; SHOTS=folder keeps pictures
	$(PIP) install --quiet --require-hashes --requirement requirements-browser.lock
	@TRADINGBOT_SHOTS=$(SHOTS) $(BIN)/python -m pytest -n 0 -m long tests/browser $(PYTEST_ARGS)

page-speed: setup-dev ## measure the page in Chromium before a daemon with thirty days of data
	$(PIP) install --quiet --require-hashes --requirement requirements-browser.lock
	@$(BIN)/python -m benchmarks.page

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

crash: setup-dev ## kill the daemon at every disk and network boundary, cut its power, freeze it (ARGS="--only power")
	@$(BIN)/python -m tests.crash $(ARGS)

damage: setup-dev ## start on every state file damaged in every way; write docs/damaged-files.md
	@$(BIN)/python scripts/write_damage_docs.py

switches: setup-dev ## trip every kill switch on real processes, kill the daemon twice, see it lift by its rule
	@$(BIN)/python -m tests.crash.switches $(ARGS)

drill: setup-dev ## deploy a good, a broken and a dying version of the real daemon; keys against a refusing venue
	@TRADINGBOT_DRILL=1 $(BIN)/python -m pytest tests/integration/test_deploy_script.py tests/integration/test_secrets_stay_secret.py $(PYTEST_ARGS)

metrics-check: setup-dev ## promtool on the figures of a real daemon, on the alert rules and on their tests
	@TRADINGBOT_PROMTOOL=1 $(BIN)/python -m pytest tests/unit/dashboard tests/integration/test_metrics_of_a_daemon.py $(PYTEST_ARGS)

soak: setup-dev ## run a simulated fortnight under faults and measure what the daemon takes (ARGS="--cycles 2000")
	@$(BIN)/python -m benchmarks.soak $(ARGS)
