# SPDX-License-Identifier: GPL-2.0
# Reads what kbuild prints: counts its steps, shows one now and then, and everything that
# is no step (what a compiler has to say). Variables: tty, total (how many steps there are,
# if that is known), verbose, and count, the file that gets their number in the end.

function now(    t) { "date +%s" | getline t; close("date +%s"); return t }
function draw(what) {
	s = total ? sprintf("%3d%%", n >= total ? 99 : 100 * n / total) : sprintf("%d", n)
	if (tty) { printf "\r\033[K    %s  %s", s, substr(what, 1, 60); drawn = 1 }
	else printf "    %s  %s\n", s, what
	fflush()
}
BEGIN { last = now() }
/^make(\[[0-9]+\])?: (Entering|Leaving) directory/ || /is up to date\.$|^Kernel: .* is ready|Nothing to be done/ { next }
/^  [A-Z][A-Z0-9_]*( \[[MKS]\])? +[^ ]/ {
	n++
	if (verbose > 0) { print; next }
	if (n % 10 == 0) { t = now(); if (t - last >= (tty ? 1 : 20)) { last = t; draw($0) } }
	next
}
{ if (drawn) printf "\r\033[K"; drawn = 0; print; fflush() }
END { if (drawn) printf "\r\033[K"; printf "%d", n > count }
