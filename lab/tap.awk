# SPDX-License-Identifier: GPL-2.0
# Reads TAP and KTAP, shows one line a test and the output of those that fail,
# and writes "PASSED FAILED SKIPPED" into the file `counts`.
#
# Only leaves count: a result that comes after more deeply indented ones sums
# them up. Still it counts if it alone reports a failure.

function forget(    i) { for (i = 0; i < lines; i++) delete held[i]; lines = 0 }
function hold(s) { if (lines < 400) held[lines++] = s }
function show(    i) { if (!verbose) for (i = 0; i < lines; i++) print "      " held[i] }

function fail(name) {
	show()
	printf "%sFAIL%s  %s: %s\n", red, off, group, name
	failed++
}

# The plan and the results of everything at this depth and below are complete.
function close_level(depth,    d) {
	for (d = deepest; d >= depth; d--) {
		if (d in planned && planned[d] != seen[d] + 0)
			fail("planned " planned[d] " tests, reported " seen[d] + 0)
		delete planned[d]; delete seen[d]; delete bad[d]
	}
	if (deepest >= depth) deepest = depth - 1
}

BEGIN { deepest = -1; passed = failed = skipped = 0 }

{
	sub(/\r$/, "")
	if (verbose) print "      " $0
	match($0, /^ */)
	depth = RLENGTH
	line = substr($0, depth + 1)
}

line ~ /^K?TAP version [0-9]+/ {
	# The next program's output, or the start of a nested test.
	if (depth == 0) close_level(0)
	any = 1
	next
}

line ~ /^1\.\.[0-9]+/ {
	n = substr(line, 4) + 0
	if (depth > deepest) deepest = depth
	planned[depth] = n
	if (line ~ /# *SKIP/) { skipped++; planned[depth] = 0 }
	next
}

line ~ /^Bail out!/ { fail(line); next }

line ~ /^(not )?ok( |$)/ {
	good = line !~ /^not /
	name = line
	sub(/^(not )?ok */, "", name)
	sub(/^[0-9]+ */, "", name)
	sub(/^- /, "", name)
	directive = name
	if (!sub(/^.*# *[Ss][Kk][Ii][Pp]/, "", directive)) directive = ""
	else { skip = 1; sub(/^(PED)?:? */, "", directive) }
	todo = name ~ /# *TODO/
	sub(/ *# *([Ss][Kk][Ii][Pp]|TODO|duration_ms|pass:[0-9]).*$/, "", name)
	if (name == "") name = "test " (seen[depth] + 1)

	nested = deepest > depth && seen_below(depth)
	below_bad = bad_below(depth)
	close_level(depth + 1)
	if (depth > deepest) deepest = depth
	seen[depth]++
	if (!good && !todo && !skip) bad[depth] = 1
	if (nested) {
		if (!good && !todo && !below_bad) fail(name)
	} else if (skip) {
		printf "%sskip%s  %s: %s%s\n", dim, off, group, name, directive != "" ? " (" directive ")" : ""
		skipped++
	} else if (good || todo) {
		printf "%sok%s    %s: %s\n", green, off, group, name
		passed++
	} else {
		fail(name)
	}
	fflush()
	skip = 0
	forget()
	next
}

{ hold($0) }

function seen_below(depth,    d) {
	for (d in seen) if (d + 0 > depth && seen[d] > 0) return 1
	return 0
}
function bad_below(depth,    d) {
	for (d in bad) if (d + 0 > depth && bad[d]) return 1
	return 0
}

END {
	close_level(0)
	print passed, failed, skipped > counts
}
