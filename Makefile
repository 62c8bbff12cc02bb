# Each target sets up what it needs and this machine lacks; root is needed, for network namespaces.
SHELL := /bin/bash
PYTHON := .venv/bin/python
# Most tests wait more than they work. Each worker has a lab of its own; who runs out of tests takes some of another's.
WORKERS := 4
TEST := -m pytest --quiet --numprocesses $(WORKERS) --dist worksteal

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

setup: ## packages that are missing, a virtual environment, Docker unpacked into .cache
	@tests/lab/setup.sh

demo: setup ## watch a dropped file become a network, in namespaces of its own
	@$(PYTHON) -m tests.lab.demo

check: setup ## ruff, mypy and all tests
	@.venv/bin/ruff check --quiet --output-format concise .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy --no-error-summary
	@$(PYTHON) $(TEST) $(TESTS)

check-marked: setup ## the tests of what rests on libraries or the engine
	@$(PYTHON) $(TEST) -m "libraries or engine" $(TESTS)

check-distro: ## the tests of what rests on libraries, against the distribution's own
	@tests/lab/setup.sh distro
	@.cache/venv-distro/bin/python $(TEST) -m libraries $(TESTS)

soak: setup ## what only many repetitions show: leaks, random examples by the thousand; for a night
	@MACVLAND_SOAK=1 $(PYTHON) $(TEST) -m soak $(TESTS)

check-bookworm: ## make check and make demo on a fresh Debian 12
	@tests/lab/tree.sh bookworm

check-trixie: ## make check-marked and make demo on a fresh Debian 13
	@tests/lab/tree.sh trixie 'make check-marked && make demo'

check-vm: ## what needs Debian's own kernel (802.1Q, bonds, udev), in a virtual machine
	@tests/lab/setup.sh vm
	@tests/vm/run.sh $(ARGS)

check-system: ## the deb on whole Debian 12 and 13 systems: boot, reboot, power cut, upgrade, removal
	@tests/lab/setup.sh system
	@tests/system/run.sh $(ARGS)

packages: ## deb and rpm of what is committed, into build/packages, and what lintian and its like think of them
	@tests/lab/setup.sh packages
	@packaging/build.sh

bench: setup ## ratios against a shell script and ip -batch
	@$(PYTHON) -m tests.bench $(ARGS)

clean: ## what the targets made here
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info

.PHONY: help setup demo check check-marked check-distro check-bookworm check-trixie check-vm check-system soak packages bench clean
