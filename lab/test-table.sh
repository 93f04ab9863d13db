#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Write the table of a whole run into docs/testing.md, beside what the groups took before
# (docs/results/test-before.tsv): lab/test-table.sh [RUN.tsv]. RUN.tsv is what make test
# leaves, build/logs/test.tsv; it is kept as docs/results/test.tsv.

. "$(dirname "$0")/lib.sh"

run=${1:-$BUILD/logs/test.tsv} before=$TOP/docs/results/test-before.tsv page=$TOP/docs/testing.md
[ -f "$run" ] || die "there is no $run" "'make test' writes it"
grep -q $'^all\t' "$run" || die "$run is of a run that did not come to its end" "run 'make test'"
[ "$run" -ef "$TOP/docs/results/test.tsv" ] || cp "$run" "$TOP/docs/results/test.tsv"

table=$(awk -F '\t' '
	function was(name) { return name in before ? before[name] : "" }
	FNR == 1 { file++; next }
	file == 1 { before[$1] = $8; next }
	$2 == "-" && $5 == "-" {
		rest = rest sprintf("| %s | | | %s | %d | |\n", $1, was($1), $8)
		next
	}
	{
		where = $2 ", " $3
		if ($2 == "-" || $3 == "-") where = $2
		if ($4 != "-") where = where ", " $4
		came = $5 " passed" ($6 > 0 ? ", " $6 " failed" : "") ($7 > 0 ? ", " $7 " skipped" : "")
		printf "| %s | %s | %s | %s | %d | %s |\n", $1, where, came, was($1), $8, ($9 == "-" ? "" : $9)
		p += $5; f += $6; s += $7; cpu += $9
	}
	END {
		printf "| together | | %d passed, %d failed%s | | | %d |\n", p, f, (s > 0 ? ", " s " skipped" : ""), cpu
		printf "%s", rest
	}' "$before" "$TOP/docs/results/test.tsv")

new=$(TABLE=$table awk '
	/^<!-- lab\/test-table.sh writes/ { print; print ""; print "| group | kernel, shape, options | result | seconds before | seconds | of CPU |"; print "| --- | --- | --- | --- | --- | --- |"; print ENVIRON["TABLE"]; print ""; skip = 1; next }
	/^<!-- end of the table/ { skip = 0 }
	!skip' "$page")
grep -q '^<!-- end of the table' <<<"$new" || die "docs/testing.md has no place for the table" "it is between two comments"
printf '%s\n' "$new" >"$page"
note "docs/testing.md and docs/results/test.tsv are as $run has it"
