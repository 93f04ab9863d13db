#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Make build/linux: the pristine kernel on branch `pristine`, the project's series
# on top of it on branch `series`, checked out.
#
# Commits are made in a temporary index, and only the result is checked out, so
# that a file which did not change keeps its time and is not compiled again.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/git.sh"

src=$("$TOP/lab/fetch.sh")
hash=$(inputs_hash "$src")

# Did people change anything since we were here last?
own=''
if [ -d "$LINUX/.git" ]; then
	if ! g rev-parse -q --verify refs/tags/lab/series >/dev/null; then
		if [ -f "$LINUX/.git/lab-making" ]; then
			rm -rf "$LINUX"
		else
			die "build/linux is a git tree that this script did not make" "move it away; or, if its branches are pristine and series, adopt it: git -C build/linux tag lab/series series"
		fi
	elif [ "$(g rev-parse HEAD)" != "$(g rev-parse refs/tags/lab/series^0)" ]; then
		own='commits of its own'
	elif edited; then
		own='uncommitted edits'
	fi
elif [ -e "$LINUX" ]; then
	die "build/linux is there but is not a git tree" "remove it"
fi

if [ -f "$STAMP" ] && [ "$hash" = "$(cat "$STAMP")" ]; then
	[ -z "$own" ] || note "build/linux has $own: they are built too ('make writeback' takes them into kernel/)"
	exit 0
fi
if [ -n "$own" ]; then
	die "kernel/ changed, and build/linux has $own that an update would lose" "$HOWTO"
fi

if [ -f "$LINUX/.git/lab-source" ] && [ "$(cat "$LINUX/.git/lab-source")" != "$src $(stat -c %Y "$src/Makefile")" ]; then
	note "the pristine source is another one: starting anew"
	rm -rf "$LINUX"
fi

if [ ! -d "$LINUX/.git" ]; then
	step "Copying the pristine kernel source to build/linux (once, about a minute)"
	need_space "$BUILD" 4000
	mkdir -p "$LINUX"
	g init -q -b pristine
	touch "$LINUX/.git/lab-making"
	if [ -e "$src/.git" ]; then
		# Somebody's clone: what is committed there, not what lies about.
		git -C "$src" archive HEAD | tar -x -C "$LINUX"
	else
		tar -C "$src" --exclude=./.complete -cf - . | tar -xf - -C "$LINUX"
	fi
	# Debian's copy tells git to ignore everything but the packaging, new files
	# of ours included.
	sed -i '/^\/\*$/d; /^!\/debian\/$/d' "$LINUX/.gitignore"
	note "recording it in git"
	g -c core.compression=1 add -Af
	GIT_AUTHOR_NAME=private-nodes GIT_AUTHOR_EMAIL=private-nodes@lab.invalid GIT_AUTHOR_DATE=$WHEN \
		g commit -q -m "Linux $(make -s -C "$LINUX" kernelversion), pristine"
	echo "$src $(stat -c %Y "$src/Makefile")" >"$LINUX/.git/lab-source"
	g branch -q -f series pristine
	g checkout -q series
	g tag -f lab/series series >/dev/null
	rm "$LINUX/.git/lab-making"
fi

mapfile -t lines < <(series_lines)
step "Applying the series (${#lines[@]} patches) to build/linux"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export GIT_INDEX_FILE=$tmp/index
g read-tree pristine
parent=$(g rev-parse pristine)
declare -A claimed=()

for line in "${lines[@]}"; do
	read -ra words <<<"$line"
	patch=${words[0]} files=("${words[@]:1}")
	[ -f "$PATCHES/$patch" ] || die "kernel/patches/series names $patch, which is not there" "add the patch or take the line out"

	g mailinfo -b "$tmp/msg" "$tmp/diff" <"$PATCHES/$patch" >"$tmp/info" ||
		die "kernel/patches/$patch is not a mail with a patch" "it starts with From: and Subject: lines, then an empty one"
	author=$(sed -n 's/^Author: //p' "$tmp/info") email=$(sed -n 's/^Email: //p' "$tmp/info")
	subject=$(sed -n 's/^Subject: //p' "$tmp/info") date=$(sed -n 's/^Date: //p' "$tmp/info")
	[ -n "$author$email" ] || die "kernel/patches/$patch has no line 'From: Name <address>'" "add it as the first line"
	[ -n "$subject" ] || die "kernel/patches/$patch has no Subject: line" "add it"

	if grep -q '^diff --git' "$tmp/diff"; then
		g apply --cached --whitespace=nowarn "$tmp/diff" 2>"$tmp/err" || {
			sed 's/^/       | /' "$tmp/err" >&2
			file=$(sed -n 's/^error: patch failed: \(.*\):[0-9]*$/\1/p; s/^error: \(.*\): does not exist in index$/\1/p' "$tmp/err" | sort -u | tr '\n' ' ')
			die "kernel/patches/$patch does not apply to ${file:-the tree}" "on Linux $(make -s -C "$LINUX" kernelversion), after the patches before it in the series"
		}
	fi
	for f in "${files[@]}"; do
		# shellcheck disable=SC2153 # TREE is of git.sh
		[ -f "$TREE/$f" ] || die "kernel/patches/series, $patch: kernel/tree/$f is not there" "add the file or take it out of the line"
		[ -z "${claimed[$f]:-}" ] || die "kernel/tree/$f is claimed by both ${claimed[$f]} and $patch" "leave it in one line of kernel/patches/series"
		[ -z "$(g ls-files -- "$f")" ] || die "kernel/tree/$f exists in the kernel already" "change it by a patch instead"
		claimed[$f]=$patch
		mode=100644
		[ ! -x "$TREE/$f" ] || mode=100755
		g update-index --add --cacheinfo "$mode,$(g hash-object -w --no-filters "$TREE/$f"),$f"
	done

	tree=$(g write-tree)
	[ "$tree" != "$(g rev-parse "$parent^{tree}")" ] || die "kernel/patches/$patch changes nothing" "it has neither a diff nor files in the series"
	parent=$({
		printf '%s\n\n' "$subject"
		cat "$tmp/msg"
	} | g stripspace | GIT_AUTHOR_NAME=$author GIT_AUTHOR_EMAIL=$email GIT_AUTHOR_DATE=${date:-$WHEN} \
		g commit-tree "$tree" -p "$parent")
done

orphans=$(cd "$TREE" && find . -type f -printf '%P\n' | sort | while read -r f; do
	[ -n "${claimed[$f]:-}" ] || echo "$f"
done)
[ -z "$orphans" ] || die "no line of kernel/patches/series adds: $(echo "$orphans" | sed 's,^,kernel/tree/,' | tr '\n' ' ')" \
	"name each after the patch whose commit adds it"

unset GIT_INDEX_FILE
g checkout -q -B series "$parent"
g tag -f lab/series "$parent" >/dev/null
echo "$hash" >"$STAMP"
note "done: $(g rev-list --count pristine..series) commits, $(g diff --shortstat pristine series | sed 's/^ //')"
