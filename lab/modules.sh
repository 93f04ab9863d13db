#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab/modules.sh KERNEL-BUILD-DIR OUT: lay a kernel's modules out for modprobe.
# The kernel's own modules_install would do, but takes seconds at every boot to
# find out that nothing changed.

. "$(dirname "$0")/lib.sh"

kernel=$1 out=$2
release=$(cat "$kernel/include/config/kernel.release")
[ -f "$kernel/modules.order" ] || die "$kernel holds no finished kernel" "run 'make kernel'"

exec 9>"$out.lock"
flock 9
stamp=$out/stamp
now=$(cd "$kernel" && {
	printf '%s\n' modules.order include/config/kernel.release
	sed 's/\.o$/.ko/' modules.order
} | xargs stat -c '%n %y %s')
[ ! -f "$stamp" ] || [ "$now" != "$(cat "$stamp")" ] || exit 0

# A new directory beside the old one: a machine may be running on that.
new=$out.new
rm -rf "$new" && mkdir -p "$new/lib/modules/$release/kernel"
(cd "$kernel" && sed 's/\.o$/.ko/' modules.order | xargs -r cp --parents -t "$new/lib/modules/$release/kernel")
cp "$kernel"/modules.{order,builtin,builtin.modinfo} "$new/lib/modules/$release/"
PATH=$PATH:/usr/sbin:/sbin depmod -b "$new" "$release" ||
	die "depmod could not read the modules of $kernel" "'make setup' installs kmod"
printf '%s\n' "$now" >"$new/stamp"
rm -rf "$out" && mv "$new" "$out"
