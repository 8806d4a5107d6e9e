#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Write the series as mails: one directory for each series, with a cover letter and the
# patches, and with the sender from git's configuration. Then read them again: each
# series must apply, all of them together must give the tree that is built, to the byte,
# and checkpatch must find nothing. The directory is written only if all of that holds.
#
# patches/series.toml has the folders of patches/, and patches/steps.toml the order in
# which the files of this tree are added. Nothing is sent.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
: "${PREFIX:=PATCH}"
: "${REROLL:=1}"
: "${URL:=}"
positive REROLL "$REROLL" 999
[[ $PREFIX =~ ^[A-Za-z0-9][A-Za-z0-9\ ,/._-]*$ ]] ||
	die -2 "PREFIX=$PREFIX: want words, such as \"PATCH RESEND\""
[[ $URL =~ ^[!-~]*$ ]] || die -2 "URL=$URL: want an address without blanks"
if [[ ${OUT:-} ]]; then
	OUT=$(realpath -m "$OUT")
	[[ ! -e $OUT || -d $OUT ]] || die -2 "OUT=$OUT: is not a directory"
	[[ ! -d $OUT || ! $(ls -A "$OUT") ]] || die -2 "OUT=$OUT: is not empty"
fi

need_root
need_base
WORK=$(mktemp -d "$CACHE/run/series.XXXXXX")
at_exit "rm -rf '$WORK'"
NEW=$WORK/mail
LOG=$WORK/log
mkdir "$NEW"

mails() {
	python3 "$REPO/scripts/mail.py" "$@" "${BASE_ARGS[@]}" --out "$NEW" --prefix "$PREFIX" \
		--reroll "$REROLL" --url "$URL"
}

# The rules of the lint, see checkpatch in scripts/lint.sh. A cover letter is no patch.
checkpatch() {
	find "$NEW/"*"-$1" -name '*.patch' ! -name '*-0000-*' -print0 | sort -z |
		xargs -0 -n 4 -P "$JOBS" "$REPO/scripts/enter.sh" --bind "$BASE" \
			env GIT_DIR=none perl "$BASE/scripts/checkpatch.pl" --root="$BASE" --strict \
			--quiet --no-summary --color=never --show-types \
			--ignore FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID
}

run mails write || exit 1
output NAMES python3 "$REPO/scripts/mail.py" names
mapfile -t NAMES <<< "$NAMES"
for name in "${NAMES[@]}"; do
	mapfile -t found < <(find "$NEW/"*"-$name" -name '*.patch')
	test_case "$name applies, and is from you (patches: $(( ${#found[@]} - 1 )))" \
		mails check "$name"
	test_case "checkpatch finds nothing in $name" checkpatch "$name"
done
test_case "all of them give what is built, to the byte" mails check all
results series || exit 1

if [[ ! ${OUT:-} ]]; then
	OUT=$CACHE/mail/series
	lock -x "$OUT.lock" "another make writes $OUT"
	rm -rf "$OUT"
fi
mkdir -p "$OUT"
mv "$NEW"/* "$OUT"
[[ $URL ]] || say "The cover letters don't say where to fetch this tree. URL= adds that."
say "Before you send a series: read its cover letter, add the maintainers and reviewers
that scripts/get_maintainer.pl of the kernel names, and try git send-email --dry-run."
printf '%s\n' "$OUT"
