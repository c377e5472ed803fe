# Everything a newcomer or CI needs. `make demo` and `make test` set up what they need themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo test check bench lock clean

help:
	@echo 'make setup   install what is missing (system packages, .venv, sealift)'
	@echo 'make demo    bootstrap a base image, build the example app, run it, ask it for a prediction'
	@echo 'make test    run all tests'
	@echo 'make check   run linters, types and import contracts'
	@echo 'make bench   run the benchmarks beside the peers that are installed'
	@echo 'make lock    bring requirements.lock up to date'
	@echo 'make clean   remove .venv and what tools left'

setup:
	@scripts/setup $(PYTHON)

demo: setup
	@scripts/as-root scripts/demo

# In /var/tmp, as /tmp is often in memory, where the kernel cannot mount layers from files.
test: setup
	@scripts/as-root env TMPDIR=/var/tmp $(BIN)/pytest -n 2 --dist loadgroup

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@scripts/as-root $(BIN)/python -m benchmarks

lock:
	@scripts/lock $(PYTHON)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
