# SPDX-License-Identifier: GPL-2.0
# Private memory nodes for Linux: everything one does here starts from this file.
# `make help` lists it. The work itself is in lab/.

SHELL := /bin/bash
# The command of `make run` is for the shell in the machine, and T is a pattern: no $ of
# theirs is make's.
override C := $(value C)
override T := $(value T)
export C T
.DEFAULT_GOAL := help

SHAPE ?= hmem
NODE ?= off
KIND ?= base
V ?= 0
BUILD ?= $(CURDIR)/build
export SHAPE NODE V BUILD KERNEL_SRC NDCTL_SRC HOURS SEED ROUND CONFIG SUITE STAGES

CFLAGS ?= -O2 -g -Wall -Wextra -Werror
SELFTESTS := $(BUILD)/linux/tools/testing/selftests
PROGRAMS := $(addprefix $(BUILD)/tests/,$(sort $(patsubst %.c,%,$(notdir $(wildcard tests/*.c))) \
	$(patsubst tests/%/,%,$(dir $(wildcard tests/*/*.c)))))

##@ Use it
help: ## what there is (this list)
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile
	@printf '\nVariables\n'
	@printf '  %-21s %s\n' \
		'SHAPE=name' 'the machine: $(basename $(notdir $(wildcard lab/shapes/*.sh))) ($(SHAPE))' \
		'NODE=how' 'shell, run: private nodes set up first: off, online, online_kernel, online_movable ($(NODE))' \
		'KIND=name' 'kernel, shell, run: base, debug, guide or stock ($(KIND))' \
		'T=regex' 'test: only the groups of tests/plan that match' \
		'HOURS=n' 'soak: how long; SEED=n starts with that one, ROUND=seconds is a round' \
		'SUITE=name' 'check-debian: only this one, bookworm or trixie; deb: pnctl for that one' \
		'CONFIG=what' 'deb, test-install: a .config, running, cloud, amd64; else a small kernel for virtual machines' \
		'V=1' 'say more: commands, all output of tests' \
		'KERNEL_SRC=dir' 'a pristine Linux 7.3 tree instead of the one from Debian' \
		'NDCTL_SRC=dir' 'ndctl: the same, ndctl 81' \
		'BUILD=dir' 'where everything is built (build/)'
	@printf '\nbuild/ and $${XDG_CACHE_HOME:-~/.cache}/private-nodes may be removed at any time.\n'

setup: ## install the Debian packages that are missing (other targets do it by themselves)
	@lab/setup.sh

kernel: setup-build ## build a kernel (KIND)
	@lab/build.sh $(KIND)

demo: kernel setup-run $(BUILD)/hold ## boot it and watch a private node at work (SHAPE)
	@lab/boot.sh -q -k base -s $(SHAPE) lab/vm-demo.sh
	@lab/boot.sh -q -k base -s both lab/vm-demo-tiers.sh

shell: kernel setup-run ## a shell in the machine (SHAPE, NODE, KIND)
	@lab/boot.sh -k $(KIND) -s $(SHAPE) -o $(NODE) -i

run: kernel setup-run ## run one command in the machine: make run C='numactl -H' (SHAPE, NODE, KIND)
	@[ -n "$$C" ] || { echo "error: no command given" >&2; echo "       make run C='numactl -H'" >&2; exit 1; }
	@lab/boot.sh -k $(KIND) -s $(SHAPE) -o $(NODE) -- "$$C"

ndctl: setup-build setup-ndctl ## daxctl, ndctl and cxl that know private nodes, in build/ndctl
	@lab/ndctl.sh

deb: setup-build setup-deb ## Debian packages of pnctl and of a kernel, in build/deb (CONFIG, SUITE)
	@lab/deb.sh

##@ Prove it
test: setup-build setup-run setup-ndctl setup-bench ## run the tests on debug kernels (T)
	@lab/test.sh

test-guide: setup-build setup-run setup-guide ## kexec, crash dumps, and what pins memory, on a kernel of their own (T)
	@PLAN=$(CURDIR)/tests/plan-guide TSV=$(BUILD)/logs/test-guide.tsv lab/test.sh

check: setup-build setup-run ## the short of it, for kernel developers: KUnit, the selftest of anondax, flips
	@T='^(kunit|anondax|flips-debug)$$' lab/test.sh

soak: setup-build setup-run ## flips on the debug kernel, with allocations failing, for HOURS (SEED, ROUND)
	@lab/build.sh debug
	@$(MAKE) -s tests
	@lab/soak.sh

test-install: setup-build setup-run setup-deb $(BUILD)/hold ## those packages in a Debian 13 that boots by itself: installed, used, rebooted, purged (CONFIG)
	@tests/install.sh

mm-selftests: setup-build setup-run ## the kernel's mm selftests on stock and on ours, side by side (long)
	@lab/build.sh stock
	@lab/build.sh base
	@tests/mm-selftests.sh

bench: setup-build setup-run setup-bench ## count what it costs, beside stock Linux (long)
	@bench/bench.sh full

bench-quick: setup-build setup-run setup-bench ## the short of it: ordinary work, stock and ours
	@bench/bench.sh quick

lint: setup-build setup-lint ## check the style of everything, and that the audit is complete
	@lab/lint.sh

check-series: setup-build ## build each patch of the series by itself (long)
	@lab/check-series.sh

check-configs: setup-build setup-cross ## compile under the configurations that matter, and for arm64 (long)
	@lab/check-configs.sh

check-identical: setup-build ## CONFIG_PRIVATE_NODES=n gives stock's object code (long)
	@lab/check-identical.sh

check-debian: setup-debian ## the two commands on a fresh Debian 12 and 13, from nothing; as root (SUITE, T; very long)
	@lab/check-debian.sh $(SUITE)

##@ Change it (CONTRIBUTING.md)
tree: setup-build ## build/linux: pristine kernel plus the series, a git tree to work in
	@lab/tree.sh

writeback: ## take the commits of build/linux back into kernel/
	@lab/writeback.sh

series: setup-build ## build/series/*.patch, ready to post, checked with git am
	@lab/series.sh

pnctl: setup-build ## compile the operator's command and its man pages (build/pnctl)
	@$(MAKE) -s -C tools/pnctl O=$(BUILD)/pnctl

tests: $(PROGRAMS) $(BUILD)/hold pnctl ## compile the test programs of tests/
	@lab/selftests.sh

clean: ## remove build/ (what is in the cache stays)
	@lab/clean.sh

# Test programs, of one file or of a folder of files, see the kernel's kselftest
# headers; a line "LDLIBS: -lnuma" in a comment says what to link. Of the kernel's own
# headers they have those that they name in double quotes.
.SECONDEXPANSION:
$(PROGRAMS): $(BUILD)/tests/%: $$(wildcard tests/$$*.c tests/$$*/*.[ch] tests/*.h)
	@mkdir -p $(@D)
	$(if $(filter-out 0,$(V)),,@)gcc $(CFLAGS) -I$(SELFTESTS) -iquote $(BUILD)/linux/include/uapi -o $@ $(filter %.c,$^) \
		$$(sed -n 's/.*LDLIBS: *\(-[-a-z ]*\).*/\1/p' $(filter %.c,$^)) -lpthread

$(BUILD)/hold: lab/hold.c
	@mkdir -p $(@D)
	$(if $(filter-out 0,$(V)),,@)gcc $(CFLAGS) -o $@ $<

setup-%:
	@lab/setup.sh $*

.PHONY: help setup kernel demo shell run ndctl deb test test-guide check soak test-install mm-selftests bench bench-quick lint check-series check-configs check-identical check-debian tree \
	writeback series pnctl tests clean
