#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Does each commit of the series build? Compiles what kernel/config/compile.config makes
# of the tree as of every commit, in a work tree and build directory of its own. FROM=N
# begins with the N-th.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/kmake.sh"
. "$TOP/lab/git.sh"

"$TOP/lab/tree.sh"
mapfile -t commits < <(g rev-list --reverse pristine..series)
work=$BUILD/check-series out=$BUILD/kernel-check-series
need_space "$BUILD" 5000

[ -e "$work/.git" ] || g worktree add -q --detach "$work" pristine
mkdir -p "$out" "$BUILD/logs"
n=$((${FROM:-1} - 1)) bad=()
if [ "$n" -lt 0 ] || [ "$n" -ge ${#commits[@]} ]; then
	die "FROM=$FROM: the series has ${#commits[@]} commits" "give one of 1 to ${#commits[@]}"
fi
for c in "${commits[@]:n}"; do
	n=$((n + 1))
	step "[$n/${#commits[@]}] $(g log -1 --format=%s "$c")"
	# Only what differs is written, so only that is compiled.
	g -C "$work" checkout -q --detach "$c"
	log=$BUILD/logs/check-series-$n.log
	if ! {
		kmake "$work" "$out" KCONFIG_ALLCONFIG="$TOP/kernel/config/compile.config" allnoconfig &&
			kmake "$work" "$out" -k vmlinux modules
	} >"$log" 2>&1; then
		{ grep -iE -B2 -A8 '(error|warning):|undefined reference|\*\*\*' "$log" || :; } | head -n 60 | sed 's/^/       | /' >&2
		warn "the series does not build after this commit; all of the output: $log"
		bad+=("$n")
	elif grep -E ': warning: ' "$log" >&2; then
		warn "the series compiles with warnings after this commit; all of the output: $log"
		bad+=("$n")
	else
		note "builds, $SECONDS s so far"
	fi
done
[ ${#bad[@]} = 0 ] || die "${#bad[@]} of ${#commits[@]} commits do not build cleanly: ${bad[*]}" "what the compiler said is above"
