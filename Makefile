# Every target makes the environment it needs: Python 3.11 or later and make are enough.
PYTHON ?= python3
VENV := .venv
APPVENV := .appvenv
# The app's font for scripts beyond Latin, Greek and Cyrillic: built, not committed.
FALLBACK := mobile/data/fallback.ttf
DEPLOYVENV := .deployvenv
BENCHVENV := .benchvenv
NODEPEERS := bench/peers/express bench/peers/fastify
GOPEER := $(BENCHVENV)/bin/go-peer
NODECHECKS := deploy/auth0 tests/deploy/schemas
PROVIDER := tests/mobile/certified
# Kivy ships no types: the screens go unchecked.
APPCORE := mobile/core mobile/device mobile/text mobile/viewmodels
BIN := $(VENV)/bin
# The files of the tests are in memory where there is room for them: none of them has to outlast the
# machine, and waiting for a disk to write them down only takes time.
MEMORY := $(shell $(PYTHON) -c 'import os; s = os.statvfs("/dev/shm"); print("PYTEST_DEBUG_TEMPROOT=/dev/shm" * (s.f_bavail * s.f_frsize > 2**32 and not s.f_flag & os.ST_NOEXEC))' 2>/dev/null)
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -rs --durations=12
AS ?= erin
SECONDS ?= 7200
# Kivy has no wheels for Python 3.14 yet: there the tests of the screens are skipped, and say so.
SCREENS := $(shell $(PYTHON) -c 'import sys; print("$(APPVENV)/ready $(FALLBACK)" * (sys.version_info < (3, 14)))')

.DEFAULT_GOAL := help
.PHONY: endpoints help setup run app fonts screenshots portal-pictures portal-texts token test test-slow test-oidc endurance deploy-check images-check cluster-check release lint format bench peers lock rules images clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/stack ## make .venv with what `make run` needs

run: $(VENV)/stack ## start the whole system on this machine
	@exec $(BIN)/python -m dev run

app: $(APPVENV)/ready $(FALLBACK) ## start the app against `make run`
	TIMESHEETS_API=http://127.0.0.1:8000 AUTH_ISSUER=http://127.0.0.1:8001/ $(APPVENV)/bin/python -m mobile

fonts: $(FALLBACK) ## build the app's font for other scripts and emoji

screenshots: $(APPVENV)/ready $(FALLBACK) ## draw the app's screens into docs/images, without a display
	$(APPVENV)/bin/python -m mobile.tools.screenshots docs/images

portal-pictures: $(VENV)/tools ## draw the portal's pages into docs/images/portal; needs chromium
	$(BIN)/python -m tests.portal.pictures docs/images/portal

portal-texts: $(VENV)/tools ## put every text of the portal into its catalogs, and list what lacks German
	$(BIN)/python -m portal.translations.extract

token: $(VENV)/stack ## print an access token: make token AS=maya
	@$(BIN)/python -m dev token --as $(AS)

test: $(VENV)/tools $(SCREENS) ## run the tests but the long ones; COVERAGE=1 measures coverage
	$(MEMORY) $(PYTEST) -m "not slow and not endurance and not deploy and not oidc" $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

test-slow: $(VENV)/tools $(SCREENS) ## run the tests that are marked slow
	$(MEMORY) $(PYTEST) -m "slow"

test-oidc: $(VENV)/tools ## sign the app in at a certified OpenID provider; needs npm
	npm ci --silent --no-audit --no-fund --prefix $(PROVIDER)
	$(BIN)/python -m pytest -m oidc -rs

endurance: $(VENV)/endurance $(SCREENS) ## run the tests that take minutes
	$(PYTEST) -m endurance

soak: $(VENV)/tools ## load a service for long: make soak SECONDS=7200
	SOAK_SECONDS=$(SECONDS) $(BIN)/python -m pytest -s -m endurance tests/endurance/test_soak.py

deploy-check: $(VENV)/tools $(DEPLOYVENV)/ready $(NODECHECKS:%=%/node_modules/.package-lock.json) ## check what is deployed with the tools it is for, as far as they are here
	PATH="$$PATH:$(CURDIR)/$(DEPLOYVENV)/bin" $(PYTEST) -m "deploy and not images" tests/deploy tests/e2e/test_rolling_fleet.py

images-check: $(VENV)/tools ## build the images, compare two builds and run them; needs podman
	$(BIN)/python -m pytest -m images -rs tests/deploy

endpoints: $(VENV)/tools ## write docs/reference/endpoints.md from the routes
	$(BIN)/python -m dev.endpoints > docs/reference/endpoints.md.new
	mv docs/reference/endpoints.md.new docs/reference/endpoints.md

lint: $(VENV)/tools ## check style, types, the direction of imports and the vocabulary
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy libs services portal batch bench dev tests $(APPCORE)
	$(BIN)/lint-imports
	$(BIN)/python -m dev.vocabulary

format: $(VENV)/tools ## rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/tools peers ## measure what the README shows; needs wrk
	$(BIN)/python -m bench

peers: $(BENCHVENV)/ready $(GOPEER) $(NODEPEERS:%=%/node_modules/.package-lock.json) ## install what the services are compared with

lock: $(VENV)/tools ## resolve requirements/*.in again into locked files with hashes
	$(BIN)/python requirements/lock.py

rules: ## wrap the alert rules for the Prometheus operator
	sed 's/^./  &/' deploy/monitoring/rules.yaml \
	    | cat deploy/k8s/components/monitoring/alert-rules.head - > deploy/k8s/components/monitoring/alert-rules.yaml

images: ## build the images of the services, the uploader and the migrations
	deploy/images.sh

cluster-check: ## apply the manifests to a throw-away cluster of kind, where there is one
	deploy/cluster-check.sh

release: $(DEPLOYVENV)/ready ## check, tag and build a release: VERSION=1.2.0 make release
	deploy/release.sh

clean: ## remove the environment, caches and the data of `make run`
	rm -rf $(VENV) $(APPVENV) $(DEPLOYVENV) $(BENCHVENV) $(NODEPEERS:%=%/node_modules) $(NODECHECKS:%=%/node_modules) .dev .coverage .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/stack: requirements/dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

# KivyMD's materialshapes wants a compiler, for a widget the app does not use: hence --no-deps.
$(APPVENV)/ready: requirements/mobile.txt
	$(PYTHON) -m venv $(APPVENV)
	$(APPVENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

$(FALLBACK): requirements/fonts.txt mobile/tools/fonts.py | $(APPVENV)/ready
	$(APPVENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	$(APPVENV)/bin/python -m mobile.tools.fonts

# Whom the services are compared with; nothing else needs them.
$(BENCHVENV)/ready: requirements/bench.txt
	$(PYTHON) -m venv $(BENCHVENV)
	$(BENCHVENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

$(GOPEER): $(wildcard bench/peers/go/*) $(BENCHVENV)/ready
	cd bench/peers/go && GOTOOLCHAIN=local $(CURDIR)/$(BENCHVENV)/bin/go build -o $(CURDIR)/$@ \
	    || echo "The modules of Go cannot be downloaded: going on without go."

%/node_modules/.package-lock.json: %/package-lock.json
	@if command -v npm >/dev/null; then cd $* && npm ci --ignore-scripts --no-audit --no-fund --silent; \
	else echo "There is no npm: going on without $(notdir $*)."; fi

$(VENV)/endurance: requirements/endurance.txt | $(VENV)/tools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

$(DEPLOYVENV)/ready: requirements/deploy.txt
	$(PYTHON) -m venv $(DEPLOYVENV)
	$(DEPLOYVENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

$(VENV)/tools: requirements/test.txt | $(VENV)/stack
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@
