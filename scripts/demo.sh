#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build the lean kernel, boot it, load rnull_mod.ko and run fio on its devices and on
# those of C null_blk, in turn.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
export RNULL_STEPS=6 STEPS=6

kernel=''
output kernel "$REPO/scripts/kernel.sh" lean
STEP=5
step "boot Linux $(<"$kernel/release") with $SMP processors and run fio in it"
run "$REPO/scripts/guest.sh" --kernel "$kernel" --name demo --timeout 300 \
	--share "$REPO/tools/testing/bench=bench" -- \
	bash -c "$(<"$REPO/scripts/demo-guest.sh")"
