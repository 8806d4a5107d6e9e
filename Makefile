# SPDX-License-Identifier: GPL-2.0
#
# Each target runs one script in scripts/; `make help' lists the targets.

# Settings. The scripts check them and have their defaults.
SETTINGS := ARCH KERNEL_SRC PATCHES CACHE JOBS SMP MEM CONFIG_EXTRA FULL PARTS CELLS SAMPLES A B \
	OUT PREFIX REROLL URL CONFIG TESTS TOOLCHAIN
export $(SETTINGS)

.DEFAULT_GOAL := help
.PHONY: help demo test kernel modules menuconfig series series-check kunit check lint litmus \
	bench bench-compare shell deb doc rust-analyzer install-tree uninstall-tree clean \
	distclean

help:
	@echo 'Targets:'
	@echo '  demo       build and boot a kernel, run fio on /dev/rnullb0 and on C null_blk'
	@echo '  test       run every test: lint, litmus, series, kunit, check, bench counts, harness'
	@echo '  kernel     build the lean kernel and its modules, print the directory'
	@echo '  modules    build rnull_mod.ko for the lean kernel, print its path'
	@echo '  menuconfig view and change the lean kernel'\''s configuration'
	@echo '  series     write patches/ and the rest of the tree as series of mails, ready to send'
	@echo '  series-check  prove that each folder of patches/ applies to the base and builds'
	@echo '  kunit      run the KUnit tests and doctests on user-mode Linux; arm64: in QEMU'
	@echo '  check      run the tests in guests, on the debug and the lean kernel'
	@echo '  lint       rustfmt, clippy, rustdoc, checkpatch, shellcheck, ruff'
	@echo '  litmus     run the litmus tests of the atomic accesses with herd7'
	@echo '  bench      measure rnull and C null_blk, write JSON, tables and plots'
	@echo '  bench-compare  A=old.json B=new.json: report changes beyond noise'
	@echo '  doc        build rustdoc of the crates and the pages under Documentation/block'
	@echo '  rust-analyzer  write rust-project.json, for editors'
	@echo '  deb        build Debian packages of a kernel with rnull'
	@echo '  shell      interactive shell in a guest with rnull loaded'
	@echo '  install-tree   put the driver into KERNEL_SRC: commits in a git tree, else a quilt series'
	@echo '  uninstall-tree take it out of KERNEL_SRC again'
	@echo '  clean      remove builds and logs; keep the build root, the source and results'
	@echo '  distclean  remove the whole cache'
	@echo
	@echo 'Settings (make TARGET NAME=VALUE):'
	@echo '  ARCH=          of the kernel, for kernel, modules, menuconfig, kunit, check, demo'
	@echo '                 and shell: x86_64 or arm64, which is emulated (default: x86_64)'
	@echo '  KERNEL_SRC=    your own Linux 7.3 tree (default: the Debian package). Only'
	@echo '                 install-tree and uninstall-tree change it'
	@echo '  PATCHES=       needed: leave out the fixes that rnull does not need (default: all)'
	@echo '  TOOLCHAIN=     backports: the newest compilers of trixie-backports (default: trixie)'
	@echo '  CACHE=         directory of everything that is built (default: ~/.cache/rnull)'
	@echo '  JOBS=          compilers, or counting guests, at a time (default: all processors)'
	@echo '  SMP=           processors of a guest (default: 2)'
	@echo '  MEM=           memory of a guest in MiB (default: 2048)'
	@echo '  CONFIG_EXTRA=  an additional kernel config fragment (default: none)'
	@echo '  FULL=          1: test, series-check, check and bench run the long form (default: 0)'
	@echo '  PARTS=         bench: counted devices queues smp scaling native path features'
	@echo '                 (default: all; features only with FULL=1)'
	@echo '  CELLS=         bench: regular expression for the names of cells (default: all)'
	@echo '  TESTS=         check: names of selftests, or parts of them; kunit: a suite (default: all)'
	@echo '  CONFIG=        deb: a configuration (default: the running kernel'\''s, reduced)'
	@echo '  OUT=           series: an empty directory for the mails (default: in the cache)'
	@echo '  PREFIX=        series: of the subjects (default: PATCH)'
	@echo '  REROLL=        series: the version in the subjects (default: 1)'
	@echo '  URL=           series: where to fetch this tree, for the cover letters (default: none)'
	@echo '  SAMPLES=       bench: samples of each counted cell (default: 5; with FULL=1: 3)'

demo test series series-check check lint litmus bench bench-compare shell deb doc rust-analyzer:
	@scripts/$@.sh

kunit:
	@scripts/kunit.sh $(if $(TESTS),'$(TESTS)')

kernel:
	@scripts/kernel.sh lean

modules:
	@scripts/kernel.sh lean --modules

menuconfig:
	@scripts/kernel.sh lean --menuconfig

install-tree uninstall-tree:
	@scripts/own-tree.sh $(@:-tree=)

clean distclean:
	@scripts/clean.sh $@
