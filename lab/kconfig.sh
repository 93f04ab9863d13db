# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Did a configuration come out as it was meant? For the scripts that build kernels.

# kconfig_stamp SOURCE TEXT: one line for all that a configuration comes from: TEXT, and,
# since kbuild asks what to do about options that it has not seen, every Kconfig file.
kconfig_stamp() {
	{
		echo "$1 $2"
		cd "$1" || exit
		find . \( -name .git -o -name Documentation \) -prune -o -name 'Kconfig*' -print | LC_ALL=C sort | xargs cat
		gcc --version
	} | sha256sum
}

# kconfig_missed CONFIG WANTED [OPTIONS]: what CONFIG does not have of WANTED, a line each:
# kconfig drops without a word what has a dependency missing. The last word on an option
# counts. What is wanted as a module may be built in. Names that match OPTIONS do not count.
kconfig_missed() {
	awk -v except="${3:-^$}" '
		FNR == NR { if (match($0, /^CONFIG_[A-Za-z0-9_]+=/)) have[substr($0, 1, RLENGTH - 1)] = $0; next }
		/^# CONFIG_[A-Za-z0-9_]+ is not set/ { want[$2] = $2 "=n" }
		match($0, /^CONFIG_[A-Za-z0-9_]+=/) { want[substr($0, 1, RLENGTH - 1)] = $0 }
		END {
			for (o in want) {
				if (o ~ except) continue
				got = o in have ? have[o] : o "=n"
				if (got == want[o] || (want[o] ~ /=m$/ && got == o "=y")) continue
				sub(/.*=/, "", got)
				print want[o] " (is " got ")"
			}
		}' "$1" "$2" | LC_ALL=C sort
}
