#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/scan.sh CONSOLE [ALLOWED]: show the splats in a console log, each with the
# lines after it, and the group of tests in which it came if lab/vm-groups.sh ran
# several. Exit status 1 if there are any that the regular expression ALLOWED does not
# match.

. "$(dirname "$0")/lib.sh"

awk -v allowed="${2:-}" -v after=40 -v most=5 '
	FNR == NR { if (!/^(#|$)/) bad[++n] = $0; next }
	function is_bad(    i) {
		if (allowed != "" && $0 ~ allowed) return 0
		for (i = 1; i <= n; i++) if ($0 ~ bad[i]) return 1
		return 0
	}
	{ sub(/\r$/, "") }
	sub(/^.*lab: group begins: /, "") { group = $0; next }
	/lab: group ends: / { group = ""; next }
	is_bad() {
		# The lines after a splat often are splats too: show each once.
		if (FNR > shown + 1 && ++count <= most) {
			printf "%s", (count > 1 ? "       |\n" : "")
			if (group != "") print "       | in the group " group ":"
		}
		if (FNR > shown) { until = FNR + after; found++ }
	}
	FNR <= until && count <= most { print "       | " $0; shown = FNR }
	FNR <= until { shown = FNR }
	END {
		if (count > most) print "       | ... and " count - most " more"
		exit found > 0
	}' "$TOP/lab/splats" "$1"
