# What people run; everything else is `.venv/bin/python manage.py help`.
#   make demo                 everything, on MovieLens-100K, served until Ctrl-C; ARGS=--exit ends after the work
#   make serve                the site on the data that are there
#   make test                 every test but the benchmarks; ARGS="-k name" chooses
#   make lint                 style, types and who may import whom
#   make bars                 the benchmarks of quality and speed
# PYTHON names the interpreter that .venv is made of (3.11 or newer).

PYTHON ?= python3
ARGS ?=
# Processes that test side by side, each with servers of its own.
TESTERS ?= 2
SET_UP = @$(PYTHON) -I recsite/environment.py

.PHONY: help demo serve test lint bars environment
help:
	@sed -n 's/^#   //p' Makefile

# A make that is killed takes the command along, so that the next start finds nothing in its way.
demo serve: export DIE_WITH_PARENT = 1

demo:
	$(SET_UP)
	@.venv/bin/python manage.py demo $(ARGS)

serve:
	$(SET_UP)
	@.venv/bin/python manage.py serve $(ARGS)

environment:
	$(SET_UP) --tests

test: environment
	@.venv/bin/python -m pytest -m "not benchmark" -n $(TESTERS) --dist loadfile $(ARGS)

lint: environment
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

bars: environment
	@.venv/bin/python -m pytest -m benchmark $(ARGS)
