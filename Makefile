# One-line recipes; python3 (3.11 or newer) and make are all that a fresh machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where it cannot be built it says so in one line, and all else goes on.
BUILD_PAGE := $(BIN)/python requirements/build_page.py $(VENV)/node
LIBRARIES := $(VENV)/integrations/torch.done $(VENV)/integrations/vision.done $(VENV)/integrations/tables.done

PEERS := $(patsubst requirements/peer-%.in,$(VENV)/peer-%.done,$(wildcard requirements/peer-*.in))
OLDER_CLIENTS := $(patsubst requirements/wandb-%.in,$(VENV)/wandb-%.done,$(wildcard requirements/wandb-*.in))

.PHONY: demo page test test-slow test-page-sources test-page test-client test-client-over-cluster test-long test-integrations check fix bench docs pictures lock clean

demo: $(VENV)/demo.done  ## install into the checkout and do the main job on real input
	$(BUILD_PAGE)
	$(BIN)/python -m demo

page: $(VENV)/demo.done  ## build the page that `runlake ui` and `runlake serve` show
	$(BUILD_PAGE) --must

test: $(VENV)/test.done  ## pass the tests
	$(BUILD_PAGE)
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not slow and not long and not integration and not browser"

test-slow: $(VENV)/test.done  ## those of its kind that cost most
	$(BUILD_PAGE)
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "slow and not long and not integration and not browser"

test-page-sources: $(VENV)/test.done  ## types and tests of the page's sources
	$(BIN)/python requirements/test_page.py $(VENV)/node

test-page: $(VENV)/test.done $(VENV)/browser.done  ## those, and the page in a browser
	$(BUILD_PAGE) --must
	$(BIN)/python requirements/test_page.py $(VENV)/node --must
	$(BIN)/python -m pytest -n 2 --dist loadfile -rs -m browser

test-client: $(VENV)/test.done $(VENV)/deploy.done $(VENV)/wandb/wandb.done $(OLDER_CLIENTS)  ## the official wandb client, and others' software that is installed
	$(BIN)/python -m pytest -n 2 --dist loadfile -rs -m "integration and not long"

test-client-over-cluster: $(VENV)/test.done $(VENV)/wandb/wandb.done  ## the official wandb client before PostgreSQL and a bucket
	$(BIN)/python -m pytest -n 2 --dist loadfile -rs -m "integration and not long" tests/server/official --over-cluster

test-long: $(VENV)/test.done $(VENV)/wandb/wandb.done  ## the tests that take minutes
	$(BIN)/python -m pytest -n 2 -m "long and not libraries"
	$(BIN)/python -m pytest -n 2 --hypothesis-profile thorough -m "hypothesis and not long and not integration and not browser"

test-integrations: test-client $(LIBRARIES) $(PEERS)  ## those, other trackers, and libraries that log to wandb, trained for real
	$(BIN)/python -m pytest -n 2 -rs -m "integration and long and not libraries"
	$(BIN)/python -m pytest -rs -m libraries tests/integrations $(RECORD)

check: $(VENV)/test.done $(VENV)/check.done  ## format, lint, types
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

fix: $(VENV)/check.done  ## what can be mended by a tool
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: $(VENV)/test.done  ## measure, beside the peers, and write docs/performance.md
	$(BIN)/python -m benchmarks

docs: $(VENV)/test.done  ## regenerate the generated reference pages
	$(BIN)/python docs/generate_reference.py && $(BIN)/python docs/generate_wandb_clients.py && \
	$(BIN)/python docs/generate_libraries.py && $(BIN)/python docs/generate_page_types.py

pictures: $(VENV)/test.done $(VENV)/browser.done  ## make the pictures of the page that the README and the guide show
	$(BUILD_PAGE) --must
	$(BIN)/python -m docs.make_pictures

lock: $(VENV)/check.done  ## pin what is installed here, with hashes
	$(BIN)/python requirements/lock.py

$(VENV)/browser.done: requirements/browser.txt $(VENV)/test.done
	$(PYTHON) requirements/install.py $(VENV) browser

$(VENV)/deploy.done: requirements/deploy.txt $(VENV)/test.done
	$(PYTHON) requirements/install.py $(VENV) deploy

$(VENV)/wandb/wandb.done: requirements/wandb.txt $(VENV)/test.done
	$(PYTHON) requirements/install.py $(VENV)/wandb wandb

$(VENV)/wandb-%.done: requirements/wandb-%.txt $(VENV)/test.done
	$(PYTHON) requirements/install.py $(VENV)/wandb-$* wandb-$*
	touch $@

$(VENV)/peer-%.done: requirements/peer-%.txt
	$(PYTHON) requirements/install.py $(VENV)/peer-$* peer-$*
	touch $@

$(VENV)/integrations/%.done: requirements/integrations-%.txt
	$(PYTHON) requirements/install_libraries.py $(VENV)/integrations/$*

$(VENV)/%.done: requirements/%.txt pyproject.toml
	$(PYTHON) requirements/install.py $(VENV) $*

clean:
	rm -rf $(VENV) web/node_modules src/runlake/page demo-output benchmarks/.envs benchmarks/.work
