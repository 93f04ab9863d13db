# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the scripts that handle the series share. Source after lib.sh.
#
# Most of this is used by others only.
# shellcheck disable=SC2034

LINUX=$BUILD/linux
PATCHES=$TOP/kernel/patches
TREE=$TOP/kernel/tree
STAMP=$LINUX/.git/lab-stamp

# One moment for all commits, so that the same series gives the same commits.
WHEN='2026-01-01T00:00:00+0000'

command -v git >/dev/null || die "git is not installed" "run 'make setup'"

# git as it is for everyone: no user's identity, hooks, aliases or signatures.
# (What people do by hand in build/linux does use their own configuration.)
g() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 \
		GIT_COMMITTER_NAME=private-nodes GIT_COMMITTER_EMAIL=private-nodes@lab.invalid GIT_COMMITTER_DATE=$WHEN \
		git -C "$LINUX" -c core.hooksPath=/dev/null -c gc.auto=0 -c core.fsync=none -c core.autocrlf=false "$@"
}

# Lines of the series: "PATCH FILE...", comments and empty lines dropped.
series_lines() {
	[ -f "$PATCHES/series" ] || return 0
	sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$PATCHES/series"
}

# What the series branch is made from, as one hash.
inputs_hash() {
	{
		echo "$1"
		stat -c '%Y %s' "$1/Makefile"
		cat "$TOP/lab/git.sh" "$TOP/lab/tree.sh"
		cd "$TOP/kernel" || exit
		find patches tree -type f ! -name cover-letter -printf '%m %p\n' | sort -k2 | while read -r mode f; do
			printf '%s %s ' "$mode" "$f"
			sha256sum <"$f"
		done
	} | sha256sum | cut -d' ' -f1
}

edited() { [ -n "$(g status --porcelain --untracked-files=normal)" ]; }

HOWTO="'make writeback' (after committing) keeps them; in build/linux 'git stash -u' puts edits aside, 'git reset --hard lab/series' drops commits"
