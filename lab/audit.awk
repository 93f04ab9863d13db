# SPDX-License-Identifier: GPL-2.0
# Reads C, prints FILE, FUNCTION, FAMILY and NAME for each of the names that a
# function uses, in comments and strings not. audit.sh says which names, as
# "FAMILY NAME...", in the file `names`.
#
# What stands outside of functions goes by the name of what it initialises or
# defines (a table, a macro, an enum). What is only declared uses nothing, nor
# does a function use itself.

BEGIN {
	while ((getline line < names) > 0) {
		n = split(line, word)
		for (i = 2; i <= n; i++) {
			family[word[i]] = word[1]
			any = any (any == "" ? "" : "|") word[i]
		}
	}
}

function report(    i) {
	for (i = 0; i < hits; i++)
		if (hit[i] != where)
			print file "\t" where "\t" family[hit[i]] "\t" hit[i]
	hits = 0
}

# Whom does a declaration declare? Its first name before a bracket, or the last
# of all; for the macros that make a function it is their first argument.
function name_of(s,    w, at) {
	gsub(/__(printf|attribute__|aligned|releases|acquires|must_hold|section) *[(]+[^()]*[)]+/, " ", s)
	gsub(/__(read_mostly|ro_after_init|initdata|initconst|init|exit|refdata|cacheline_aligned(_in_smp)?|meminit|meminitdata|maybe_unused)([^A-Za-z_0-9]|$)/, " ", s)
	if (match(s, /[A-Za-z_0-9]+ *[(]/) && !((at = index(s, "=")) && at < RSTART)) {
		w = substr(s, RSTART, RLENGTH - 1)
		sub(/ +$/, "", w)
		if (w ~ /^[A-Z][A-Z_0-9]+$/) {
			s = substr(s, RSTART + RLENGTH)
			sub(/^[^A-Za-z_]+/, "", s)
			if (match(s, /^[A-Za-z_][A-Za-z_0-9]*/))
				w = substr(s, 1, RLENGTH)
		}
		return w
	}
	sub(/=.*/, "", s)
	sub(/\[.*/, "", s)
	sub(/[^A-Za-z_0-9]+$/, "", s)
	match(s, /[A-Za-z_0-9]*$/)
	return RLENGTH > 0 ? substr(s, RSTART) : "-"
}

# Without comments and the contents of strings.
function code(s,    at, end, out) {
	if (comment) {
		if (!(end = index(s, "*/")))
			return ""
		s = substr(s, end + 2)
		comment = 0
	}
	if (s !~ /["'\/]/)
		return s
	out = ""
	while (match(s, /"|'|\/\*|\/\//)) {
		at = substr(s, RSTART, RLENGTH)
		out = out substr(s, 1, RSTART - 1)
		s = substr(s, RSTART + RLENGTH)
		if (at == "//")
			return out
		if (at == "/*") {
			if (!(end = index(s, "*/"))) {
				comment = 1
				return out
			}
			s = substr(s, end + 2)
		} else {
			if (at == "\"")
				match(s, /^([^"\\]|\\.)*"/)
			else
				match(s, /^([^'\\]|\\.)*'/)
			if (RLENGTH < 0)
				return out
			s = substr(s, RLENGTH + 1)
			out = out "0"
		}
	}
	return out s
}

FNR == 1 {
	report()
	file = FILENAME
	comment = macro = directive = depth = 0
	decl = ""
	where = "-"
}

{
	line = code($0)

	# A macro is a function of its own. Other directives are part of nothing.
	if (macro || directive || line ~ /^[ \t]*#/) {
		if (!macro) {
			if (directive || line !~ /^[ \t]*#[ \t]*define[ \t]/) {
				directive = line ~ /\\$/
				next
			}
			outside = where
			body = line
			sub(/^[ \t]*#[ \t]*define[ \t]+/, "", body)
			match(body, /^[A-Za-z_0-9]+/)
			held = hits
			for (i = 0; i < hits; i++)
				keep[i] = hit[i]
			hits = 0
			where = substr(body, 1, RLENGTH)
			line = substr(body, RLENGTH + 1)
		}
		macro = line ~ /\\$/
		find(line)
		if (!macro) {
			report()
			where = outside
			hits = held
			for (i = 0; i < held; i++)
				hit[i] = keep[i]
		}
		next
	}
	if (line ~ /^[ \t]*$/)
		next

	# Whatever #ifdefs do to the count of braces, a function ends here.
	if (line ~ /^}/) {
		depth = 0
		report()
		where = "-"
		decl = ""
		next
	}
	find(line)
	if (depth == 0)
		decl = decl " " line
	while (match(line, /[{};]/)) {
		at = substr(line, RSTART, 1)
		line = substr(line, RSTART + 1)
		if (at == "{") {
			if (depth++ == 0) {
				sub(/[{][^{]*$/, "", decl)
				where = name_of(decl)
			}
		} else if (at == "}") {
			if (depth && --depth == 0) {
				report()
				where = "-"
				decl = ""
			}
		} else if (depth == 0) {
			if (index(decl, "=")) {
				where = name_of(decl)
				report()
			}
			hits = 0
			where = "-"
			decl = ""
		}
	}
}

function find(s) {
	if (s !~ any)
		return
	while (match(s, /[A-Za-z_][A-Za-z_0-9]*/)) {
		w = substr(s, RSTART, RLENGTH)
		if (w in family)
			hit[hits++] = w
		s = substr(s, RSTART + RLENGTH)
	}
}

END { report() }
