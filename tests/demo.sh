#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/demo.sh PART: a part of the demo, with each of its claims a test. Runs in the
# virtual machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

echo "TAP version 13"
"$1" </dev/null | awk '
	/^   (ok|NO)  / {
		printf "%sok %d %s\n", $1 == "ok" ? "" : "not ", ++n, substr($0, 8)
		bad += $1 != "ok"
		next
	}
	{ print "# " $0 }
	END { print "1.." n + 0; exit bad > 0 }'
rc=("${PIPESTATUS[@]}")
[ "${rc[0]}" = 0 ] && [ "${rc[1]}" = 0 ]
