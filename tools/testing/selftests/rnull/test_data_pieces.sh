#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Direct I/O whose memory is in pieces that are no sectors: they begin and end at any even
# byte, and lie across blocks, pages and write pointers. Data must be exact to the byte, and
# memory beside the pieces must stay as it is. Takes half a minute; with FULL=1 ten.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/zoned_lib.sh"

STEPS=250
[[ ${FULL:-} != 1 ]] || STEPS=8000

# pieces SETTINGS...: do random I/O. A failure prints the seed.
pieces() {
	python pieces run "$SUBSYS" "${RNULL_SEED:-$RANDOM}" "$STEPS" "$@"
}

zoned_pieces() {
	has_feature zoned || skip "$MODULE has no zones"
	pieces zoned=1 zone_size=1 size=4 "$@"
}

pointer() {
	has_feature zoned || skip "$MODULE has no zones"
	python pieces across_the_pointer "$SUBSYS" "$@"
}

load_both nr_devices=0

while read -r settings; do
	# shellcheck disable=SC2086 # several words
	{
		tap_case "reads across the write pointer, $settings" pointer $settings
		tap_case "pieces, $settings" pieces $settings
		tap_case "pieces in zones, $settings" zoned_pieces $settings
	}
done <<-END
	blocksize=512
	blocksize=4096
	blocksize=512 cache_size=1
	blocksize=4096 cache_size=1
END
# The bad blocks are 8 and 16 blocks of 4096 bytes.
while read -r settings; do
	# shellcheck disable=SC2086 # several words
	{
		tap_case "pieces, $settings" pieces $settings
		tap_case "pieces in zones, $settings" zoned_pieces $settings
	}
done <<-END
	blocksize=512 badblocks=+203-204
	blocksize=512 badblocks=+203-204 badblocks_partial_io=1
	blocksize=4096 badblocks=+200-215 badblocks_partial_io=1 cache_size=1
END
tap_case "pieces in conventional zones" zoned_pieces zone_nr_conv=2 irqmode=3
tap_run
