# SPDX-License-Identifier: GPL-2.0
# The entry points; the work is in scripts/. Kbuild reads Kbuild, not this.

# The kernel to build for, and what to run of the tests and the benchmark.
KVER ?= $(shell uname -r)
TESTS ?=
TARGETS ?=
WORKLOADS ?=
export BED BEDS DESTDIR PREFIX SEED TIME

# As it was given: a dollar in it is one.
workloads = '$(subst ','\'',$(value WORKLOADS))'

.PHONY: all install uninstall demo test test-long fuzz bench profile lint regen clean help

all: ## Build iscsi.ko for the running kernel (KVER=...) and iscsiadm
	@scripts/build build $(KVER)

install: ## Install the module, iscsiadm and its man page (DESTDIR=..., PREFIX=/usr/local)
	@scripts/build install $(KVER)

uninstall: ## Remove what install put there
	@scripts/build uninstall $(KVER)

demo: ## Boot a stock Debian 13 kernel in QEMU and use a disk over iSCSI in it
	@scripts/demo

test: ## Run lint and all tests (TESTS="name ...", BEDS="uml uml-debug qemu")
	@scripts/test $(TESTS)

test-long: ## Run the long versions of guest tests (TESTS=, BEDS=; SEED=N repeats a choice)
	@LONG=1 scripts/test $(TESTS)

fuzz: ## Look for input that the protocol core fails on (TIME=60 seconds a target, TARGETS="login ...")
	@scripts/fuzz $(TARGETS)

bench: ## Compare with other initiators (BED="uml uml1 icount", one of them; WORKLOADS=pattern)
	@scripts/bench $(workloads)

profile: ## Count instructions and calls per I/O of every function (WORKLOADS=pattern)
	@scripts/profile $(workloads)

lint: ## Check style and rules of the sources
	@scripts/lint

regen: ## Generate anew what comes from the netlink specification
	@scripts/regen

clean: ## Remove what was built in the checkout (the caches stay)
	@scripts/build clean

help: ## Print this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12
