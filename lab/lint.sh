#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Check the style of everything: a line for each check, "ok" or what is wrong.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/git.sh"
. "$TOP/lab/kmake.sh"
cd "$TOP"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

# check NAME COMMAND...: quiet when it is well.
check() {
	local name=$1
	shift
	if ("$@") >"$tmp/out" 2>&1; then
		printf '%sok%s    %s\n' "$green" "$off" "$name"
	else
		printf '%sFAIL%s  %s\n' "$red" "$off" "$name"
		sed 's/^/      /' "$tmp/out"
		failed=1
	fi
}

# What git tracks or would.
files() { git ls-files -z --cached --others --exclude-standard -- "$@" | xargs -0r ls -d 2>/dev/null; }

# Scripts by name or by first line, except the kernel's own.
scripts() {
	files | grep -v '^kernel/' | while read -r f; do
		case $f in
		*.sh | *.bash) echo "$f" ;;
		*) ! head -c 32 "$f" | grep -aqE '^#!.*\b(ba)?sh' || echo "$f" ;;
		esac
	done
}

spdx() {
	local bad
	bad=$(files | grep -vE '(\.md|^COPYING|^LICENSE|^\.gitignore|/debian/changelog|/debian/source/format|\.patch|/cover-letter|\.txt|\.tsv|\.json|\.svg|\.png)$' | while read -r f; do
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier: ' || echo "$f"
	done)
	[ -z "$bad" ] || {
		echo "no SPDX-License-Identifier in the first three lines of:"
		echo "$bad"
		return 1
	}
}

# A mirror is the machine's business. Its names are asked of apt, so that this
# file names none either.
hosts() {
	local h bad=''
	while read -r h; do
		git grep -nIF --untracked -e "$h" && bad=1
	done < <({ apt-get indextargets --format "\$(REPO_URI)" 2>/dev/null || :; } | sed -nE 's,^[a-z+]+://([^/@]*@)?([^/:]+).*,\2,p' | sort -u)
	[ -z "$bad" ] || {
		echo "these lines name a package registry of this machine: take the host out"
		return 1
	}
}

shell_format() { scripts | xargs -r shfmt -i 0 -d; }
shell_check() { scripts | xargs -r shellcheck -x -P lab; }

# The kernel's style, without asking whoever formats for tables and macros.
user_c() {
	local list
	mapfile -t list < <(files 'lab/*.c' 'tests/*.[ch]' 'bench/*.c' 'tools/*.[ch]')
	# Elsewhere, for it leaves a file behind, which the next run would find among ours.
	[ ${#list[@]} = 0 ] || (cd "$tmp" && perl "$LINUX/scripts/checkpatch.pl" --no-tree --strict --terse --no-summary --max-line-length=100 \
		--ignore FILE_PATH_CHANGES,SPLIT_STRING,PREFER_KERNEL_TYPES,SPDX_LICENSE_TAG,CAMELCASE,PREFER_DEFINED_ATTRIBUTE_MACRO -f "${list[@]/#/$TOP/}")
}

series_checkpatch() {
	local words=/usr/lib/python3/dist-packages/codespell_lib/data/dictionary.txt
	# DAMON is a part of Linux, not a misspelled daemon.
	grep -v '^damon->' "$words" >"$tmp/words"
	# With Debian's python3 first: its spdxcheck needs Debian's modules.
	find "$BUILD/series" -name '[0-9]*.patch' ! -name '0000-*' -print0 | sort -z | (cd "$LINUX" && PATH=/usr/bin:$PATH xargs -0 -n 1 -P "$JOBS" \
		perl scripts/checkpatch.pl --strict --terse --no-summary --show-types --ignore FILE_PATH_CHANGES --codespell --codespellfile "$tmp/words")
}

# What upstream takes is in the kernel's style.
ndctl_checkpatch() {
	find "$TOP/tools/ndctl" -name '*.patch' -print0 | sort -z | (cd "$tmp" && xargs -0 -n 1 perl "$LINUX/scripts/checkpatch.pl" \
		--no-tree --strict --terse --no-summary --show-types --ignore FILE_PATH_CHANGES,SPDX_LICENSE_TAG)
}

# Where a paragraph begins twice scdoc wrote it so, and no reader sees it.
man_pages() {
	local said
	make -s -C tools/pnctl O="$BUILD/pnctl" pages
	said=$(mandoc -T lint -W warning "$BUILD"/pnctl/*.[1-8] | grep -v 'skipping paragraph macro: PP ') || return 0
	echo "$said"
	return 1
}

package() {
	"$TOP/lab/deb.sh" pnctl && lintian --allow-root --fail-on error,warning "$BUILD"/deb/pnctl_*.deb
}

kernel_doc() {
	local list doc=$LINUX/tools/docs/kernel-doc out
	[ -e "$doc" ] || doc=$LINUX/scripts/kernel-doc
	mapfile -t list < <(cd kernel/tree && find . -name '*.[ch]' ! -path '*/selftests/*' -printf '%P\n')
	[ ${#list[@]} -gt 0 ] || return 0
	cd "$LINUX"
	out=$("$doc" -none -Wall "${list[@]}" 2>&1 | grep -v 'no structured comments found')
	[ -z "$out" ] || {
		echo "$out"
		return 1
	}
}

# sparse, on what the series touches; only what it says about touched files.
sparse_series() {
	local out=$BUILD/kernel-base touched objects=() f said
	mapfile -t touched < <(g diff --name-only --diff-filter=AM pristine series | grep '\.[ch]$')
	for f in "${touched[@]}"; do
		[ ! -f "$out/${f%.c}.o" ] || [ "${f%.c}" = "$f" ] || objects+=("${f%.c}.o")
	done
	[ ${#objects[@]} -gt 0 ] || return 0
	kmake "$LINUX" "$out" -s C=2 CHECK=sparse "${objects[@]}" >"$tmp/sparse" 2>&1 || {
		cat "$tmp/sparse"
		return 1
	}
	# Lines that pristine 7.3 has too are not ours to mend.
	said=$(grep -E ': (warning|error): ' "$tmp/sparse" | while IFS=: read -r f line rest; do
		f=${f#"$LINUX/"} f=${f#../linux/}
		g blame -s -L "$line,$line" series -- "$f" 2>/dev/null | grep -q '^\^' || echo "$f:$line:$rest"
	done)
	[ -z "$said" ] || {
		echo "$said"
		return 1
	}
}

check "SPDX lines" spdx
check "no host of a registry" hosts
check "shell: shfmt" shell_format
check "shell: shellcheck" shell_check
check "man pages: mandoc" man_pages
check "package pnctl: lintian" package
"$TOP/lab/tree.sh"
check "C of user space: checkpatch" user_c
check "tools/ndctl: checkpatch --strict" ndctl_checkpatch
if [ "$(series_lines | wc -l)" -gt 0 ]; then
	check "every user of nodes, zones and global counters has a verdict" "$TOP/lab/audit.sh"
	check "series: applies, git am" "$TOP/lab/series.sh"
	check "series: checkpatch --strict" series_checkpatch
	check "series: kernel-doc" kernel_doc
	"$TOP/lab/build.sh" base
	check "series: sparse" sparse_series
fi
exit $failed
