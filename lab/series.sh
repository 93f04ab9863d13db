#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build/series/*.patch: the series as it would be posted, with full context and
# whole files, after making sure that `git am` of it gives the tree we build.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/git.sh"

"$TOP/lab/tree.sh"
count=$(g rev-list --count pristine..series)
[ "$count" -gt 0 ] || die "the series is empty" "kernel/patches/series lists the patches"

out=$BUILD/series
rm -rf "$out" && mkdir -p "$out"
opts=(--no-signature --no-renames)
[ ! -f "$PATCHES/cover-letter" ] || opts+=(--cover-letter)
g format-patch -q "${opts[@]}" -o "$out" pristine..series

# The first line of kernel/patches/cover-letter is the subject, the rest the text.
if [ -f "$PATCHES/cover-letter" ]; then
	letter=$(echo "$out"/0000-*)
	awk -v text="$PATCHES/cover-letter" '
		/\*\*\* SUBJECT HERE \*\*\*/ { getline s < text; sub(/\*\*\* SUBJECT HERE \*\*\*/, ""); print $0 s; next }
		/\*\*\* BLURB HERE \*\*\*/ {
			while ((getline s < text) > 0) if (s != "" || begun) { print s; begun = 1 }
			next
		}
		{ print }' "$letter" >"$letter.new"
	mv "$letter.new" "$letter"
fi

# Only the files that the series touches are checked out for this.
try=$BUILD/series-check
g worktree remove --force "$try" 2>/dev/null || rm -rf "$try"
g worktree prune
trap 'g worktree remove --force "$try" 2>/dev/null || :' EXIT
g worktree add -q --no-checkout --detach "$try" pristine
g diff --name-only --no-renames pristine series | sed 's,^,/,' | g -C "$try" sparse-checkout set --no-cone --stdin
g -C "$try" checkout -q
mapfile -t mails < <(find "$out" -name '*.patch' ! -name '0000-*' | sort)
g -C "$try" am -q "${mails[@]}" 2>"$out/.am" || :
[ "$(g -C "$try" rev-parse 'HEAD^{tree}')" = "$(g rev-parse 'series^{tree}')" ] || {
	sed 's/^/       | /' "$out/.am" >&2
	die "'git am' of build/series does not give the tree of branch series" "the messages above are git's"
}
rm -f "$out/.am"
note "build/series: $count patches, 'git am' of them onto the pristine tree gives the series' tree"
