#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Report the figures that changed between two runs of `make bench':
#
#	A=old.json B=new.json bench-compare.sh

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ ${A:-} && ${B:-} ]] || die -2 "want A=old.json B=new.json"
for file in "$A" "$B"; do
	[[ -f $file && -r $file ]] || die -2 "$file: no such file"
done
PYTHONDONTWRITEBYTECODE=1 run python3 "$REPO/tools/testing/bench/compare.py" "$A" "$B"
