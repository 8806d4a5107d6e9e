#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Start an interactive shell in a guest with the lean kernel, with rnull loaded.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
[[ -t 0 && -t 1 ]] || die -2 "stdin and stdout must be a terminal"

kernel=''
output kernel "$REPO/scripts/kernel.sh" lean
say "type exit to leave; Ctrl-a x ends the emulator, Ctrl-a h lists its other keys"
"$REPO/scripts/guest.sh" --kernel "$kernel" --name shell --shell -- modprobe rnull_mod
