# Each target sets up what it needs and this machine lacks; root is needed, for network namespaces.
SHELL := /bin/bash
PYTHON := .venv/bin/python

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
	@.venv/bin/pytest --quiet $(TESTS)

# What uses the libraries: the verbs of macvlanctl see them through these.
DISTRO := tests/unit tests/kernel tests/docker/test_engine*.py \
	$(patsubst %,tests/docker/test_%.py,ipv6 lan lost main_job many)
check-distro: ## the tests of what uses libraries, against the distribution's own
	@tests/lab/setup.sh distro
	@.cache/venv-distro/bin/python -m pytest --quiet $(wildcard $(DISTRO))

check-bookworm: ## make check and make demo on a fresh Debian 12
	@tests/lab/tree.sh bookworm

check-trixie: ## make check and make demo on a fresh Debian 13
	@tests/lab/tree.sh trixie

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

.PHONY: help setup demo check check-distro check-bookworm check-trixie check-vm check-system packages bench clean
