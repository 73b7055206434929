# Every target sets up what it needs into .venv first; that is quick when nothing changed.
PYTHON ?= python3
RUN := $(PYTHON) environment/bootstrap.py --

.PHONY: demo test lint setup clean

demo: ## replay generated drives through both nodes; ARGS="--frames 40" and the like
	@$(RUN) python -m emiff_ros demo $(ARGS)

test: ## run all tests; ARGS="-k name" and the like
	@$(RUN) python -m pytest $(ARGS)

lint: ## check style
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .

setup: ## only set up
	@$(RUN)

clean: ## remove everything that was set up or built
	rm -rf .venv build install log out
