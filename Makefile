# SPDX-License-Identifier: GPL-2.0
#
# Every target is one script under scripts/; `make help' lists them.

# Settings, handed to the scripts, which check them and know their defaults.
SETTINGS := KERNEL_SRC PATCHES CACHE JOBS SMP MEM CONFIG_EXTRA FULL PARTS CELLS SAMPLES A B
export $(SETTINGS)

.DEFAULT_GOAL := help
.PHONY: help demo test kernel modules menuconfig series kunit check lint litmus bench \
	bench-compare shell clean distclean

help:
	@echo 'Targets:'
	@echo '  demo       build all, boot it, run fio on /dev/rnullb0 and on C null_blk'
	@echo '  test       run every test: lint, litmus, kunit, check, some of bench, the harness on itself'
	@echo '  kernel     build the lean kernel with its modules, print where it is'
	@echo '  modules    build rnull_mod.ko for the lean kernel, print where it is'
	@echo '  menuconfig look at and change the lean kernel'\''s configuration'
	@echo '  series     prove that each folder of patches/ applies to the base and builds'
	@echo '  kunit      run the KUnit tests and doctests on user-mode Linux'
	@echo '  check      run the tests in guests, on the debug and the lean kernel'
	@echo '  lint       rustfmt, clippy, rustdoc, checkpatch, shellcheck, ruff'
	@echo '  litmus     run the litmus tests of the atomic accesses by herd7'
	@echo '  bench      measure rnull and C null_blk: JSON, a table, plots'
	@echo '  bench-compare  A=old.json B=new.json: what got better or worse beyond noise'
	@echo '  shell      interactive shell in a guest with rnull loaded'
	@echo '  clean      remove what was built; keep the build root and the source'
	@echo '  distclean  remove the whole cache'
	@echo
	@echo 'Settings (make TARGET NAME=VALUE):'
	@echo '  KERNEL_SRC=    an own Linux 7.3 tree, only read  (default: the Debian package)'
	@echo '  PATCHES=       needed: leave out fixes of the kernel that the driver does not need  (default: all)'
	@echo '  CACHE=         where everything is made          (default: ~/.cache/rnull)'
	@echo '  JOBS=          compilers, or guests that count, at a time  (default: all processors)'
	@echo '  SMP=           processors of a guest             (default: 2)'
	@echo '  MEM=           memory of a guest in MiB          (default: 2048)'
	@echo '  CONFIG_EXTRA=  a further kernel config fragment  (default: none)'
	@echo '  FULL=          1: make test and make bench run the long form (default: 0)'
	@echo '  PARTS=         make bench: counted devices queues smp native path features (default: all)'
	@echo '  CELLS=         make bench: only cells whose names match this (default: all)'
	@echo '  SAMPLES=       make bench: how often each cell is counted   (default: 5; with FULL=1: 3)'

demo test series kunit check lint litmus bench shell bench-compare:
	@scripts/$@.sh

kernel:
	@scripts/kernel.sh lean

modules:
	@scripts/kernel.sh lean --modules

menuconfig:
	@scripts/kernel.sh lean --menuconfig

clean distclean:
	@scripts/clean.sh $@
