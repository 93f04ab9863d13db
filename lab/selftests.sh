#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Build the kernel selftests that the project adds (kernel/tree/tools/testing/
# selftests/DIR) into build/selftests/DIR, out of the patched tree and with the
# kernel's own rules.

. "$(dirname "$0")/lib.sh"

base=tools/testing/selftests
[ -d "$TOP/kernel/tree/$base" ] || exit 0
[ -d "$BUILD/linux" ] || die "there is no build/linux" "run 'make kernel'"

while read -r dir; do
	from=$BUILD/linux/$base/$dir to=$BUILD/selftests/$dir
	mkdir -p "$to"
	if [ -f "$from/Makefile" ]; then
		run make -s -C "$from" OUTPUT="$to" KHDR_INCLUDES="-isystem $BUILD/headers/include" \
			CFLAGS="-O2 -g -Wall -I$BUILD/linux/tools/testing/selftests -D_GNU_SOURCE" all >"$to/.log" 2>&1 || {
			cat "$to/.log" >&2
			die "the selftests of $dir do not build" "the compiler's messages are above"
		}
	else
		for c in "$from"/*.c; do
			[ -e "$c" ] || continue
			run gcc -O2 -g -Wall -I"$BUILD/linux/$base" -o "$to/$(basename "$c" .c)" "$c" -lnuma -lpthread ||
				die "$base/$dir/$(basename "$c") does not build" "the compiler's messages are above"
		done
	fi
	find "$from" -maxdepth 1 -name '*.sh' -exec cp -pu -t "$to" {} +
done < <(cd "$TOP/kernel/tree/$base" && find . -name '*.[ch]' -o -name '*.sh' -o -name Makefile | sed -E 's,^\./,,; s,/?[^/]*$,,' | sort -u)
