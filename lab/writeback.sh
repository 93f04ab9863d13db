#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The way back: from the commits pristine..series in build/linux to
# kernel/patches and kernel/tree.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/git.sh"

[ -d "$LINUX/.git" ] || die "there is no build/linux to write back from" "'make tree' makes it"
g rev-parse -q --verify refs/tags/lab/series >/dev/null ||
	die "there is no build/linux to write back from" "'make tree' makes it"
[ "$(g symbolic-ref -q HEAD || :)" = refs/heads/series ] ||
	die "build/linux is not on branch series" "finish the rebase that goes on there, or 'git checkout series'"
if edited; then
	die "build/linux has uncommitted edits" \
		"there: git add -A; git commit --fixup=COMMIT; git rebase -i --autosquash pristine; then again"
fi
[ "$(g merge-base pristine series)" = "$(g rev-parse pristine)" ] ||
	die "branch series does not start at branch pristine" "in build/linux: git rebase --onto pristine ..."

mapfile -t commits < <(g rev-list --reverse pristine..series)
[ ${#commits[@]} -gt 0 ] || die "branch series has no commits" "nothing to write back"
[ -z "$(g rev-list --merges pristine..series)" ] || die "branch series has merge commits" "in build/linux: git rebase pristine"

step "Writing ${#commits[@]} commits back to kernel/"
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
mkdir -p "$new/patches" "$new/tree"
{
	echo "# SPDX-License-Identifier: GPL-2.0"
	echo "# The patches in order; after each the files of kernel/tree that its commit adds."
	echo "# Made by 'make writeback'."
} >"$new/patches/series"

declare -A added=() pristine=()
while IFS= read -r -d '' f; do pristine[$f]=1; done < <(g ls-tree -r -z --name-only pristine)

n=0
for c in "${commits[@]}"; do
	n=$((n + 1))
	name=$(printf '%04d-%s' $n "$(g log -1 --format=%f "$c" | cut -c1-52 | sed 's/[.-]*$//')").patch
	hooks=() own=()
	while IFS=$'\t' read -r -d '' status && IFS= read -r -d '' f; do
		short=$(g log -1 --format='%h ("%s")' "$c")
		if [ -n "${pristine[$f]:-}" ]; then
			hooks+=("$f")
		elif [ "$status" = A ] && [ -z "${added[$f]:-}" ]; then
			added[$f]=$short
			own+=("$f")
		else
			die "$f, added by ${added[$f]:-?}, is changed again by $short" \
				"a new file has to be whole in the commit that adds it: squash the change into that one (git rebase -i pristine)"
		fi
	done < <(g diff-tree --no-commit-id -r -z --no-renames --name-status "$c" | awk -v RS='\0' -v ORS='\0' 'NR % 2 { s = $0; next } { print s "\t"; print $0 }')
	{
		g log -1 --format='From: %an <%ae>%nSubject: %s%n%n%b' "$c" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
		echo "---"
		# Little context and no hashes: fewer lines that change with the kernel.
		if [ ${#hooks[@]} -gt 0 ]; then
			echo
			g diff-tree --no-commit-id -p -U1 --no-renames --src-prefix=a/ --dst-prefix=b/ "$c" -- "${hooks[@]}" | sed '/^index [0-9a-f]\{7,\}\.\./d'
		fi
	} >"$new/patches/$name"
	echo "$name ${own[*]}" | sed 's/ $//' >>"$new/patches/series"
	for f in "${own[@]}"; do
		mkdir -p "$new/tree/$(dirname "$f")"
		g cat-file blob "$c:$f" >"$new/tree/$f"
		[ "$(g ls-tree "$c" -- "$f" | cut -c1-6)" != 100755 ] || chmod +x "$new/tree/$f"
	done
done
[ ! -f "$PATCHES/cover-letter" ] || cp "$PATCHES/cover-letter" "$new/patches/"

# Files that stay the same keep their time.
changed=0
for part in patches tree; do
	dir=$TOP/kernel/$part
	mkdir -p "$dir"
	while IFS= read -r -d '' f; do
		if ! cmp -s "$new/$part/$f" "$dir/$f" || [ "$(stat -c %A "$new/$part/$f" | cut -c4)" != "$(stat -c %A "$dir/$f" | cut -c4)" ]; then
			mkdir -p "$(dirname "$dir/$f")"
			cp "$new/$part/$f" "$dir/$f"
			note "kernel/$part/$f"
			changed=$((changed + 1))
		fi
	done < <(cd "$new/$part" && find . -type f -printf '%P\0' | sort -z)
	while IFS= read -r -d '' f; do
		[ -e "$new/$part/$f" ] || {
			rm "$dir/$f"
			note "kernel/$part/$f (gone)"
			changed=$((changed + 1))
		}
	done < <(cd "$dir" && find . -type f -printf '%P\0' | sort -z)
	find "$dir" -mindepth 1 -type d -empty -delete
done

# Read it back: it has to give the same tree.
before=$(g rev-parse 'series^{tree}')
g tag -f lab/series series >/dev/null
rm -f "$STAMP"
"$TOP/lab/tree.sh" >/dev/null
[ "$before" = "$(g rev-parse 'series^{tree}')" ] ||
	die "what was written back does not give the same tree" "compare, in build/linux: git diff ORIG_HEAD series"
note "done: $changed files changed"
