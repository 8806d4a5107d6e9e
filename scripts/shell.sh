#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An interactive shell in a guest of the lean kernel, rnull loaded.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
[[ -t 0 && -t 1 ]] || die -2 "a shell needs a terminal"

kernel=''
output kernel "$REPO/scripts/kernel.sh" lean
say "leave with exit; the emulator's own keys begin with Ctrl-a, Ctrl-a x ends it"
"$REPO/scripts/guest.sh" --kernel "$kernel" --name shell --shell -- modprobe rnull_mod
