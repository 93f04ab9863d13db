#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tests/daxctl.sh: daxctl, ndctl and cxl with the patches of tools/ndctl, on devices of
# anondax: what works, what is refused, and that it is as it was then. Beside them Debian's
# own, without the patches, which lose memory; and what both do with system-ram.
#
# On the host it builds them and starts the machine in which it runs as "tests/daxctl.sh guest".

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

if [ "${1:-}" != guest ]; then
	lab/ndctl.sh || exit
	exec lab/boot.sh -q -k "${KIND:-base}" -s "${SHAPE:-both}" -z 384 -m 640 -t 300 -n daxctl \
		-e "NDCTL_BUILD=${NDCTL_BUILD:-${BUILD:-$PWD/build}/ndctl}" -- tests/daxctl.sh guest
fi
. tests/lib.sh

daxctl=$NDCTL_BUILD/daxctl/daxctl
ndctl=$NDCTL_BUILD/ndctl/ndctl
cxl=$NDCTL_BUILD/cxl/cxl
# Debian's, without the patches.
old=/usr/bin
drivers=$bus/drivers
ram=$DAX_OF_NODE2 nvdimm=$DAX_OF_NODE3
tmp=$(mktemp -d)

driver() {
	local link
	link=$(cd -P "$bus/devices/$1/driver" 2>/dev/null && pwd) || link=none
	echo "${link##*/}"
}
# is DEVICE DRIVER [STATE]: what the kernel says, whatever daxctl makes of it.
is() {
	local file=hotplug
	[ "$(driver "$1")" = "$2" ] || wrong "$1 is bound to $(driver "$1"), not $2" || return
	[ "$2" != kmem ] || file=state
	[ $# = 2 ] || [ "$(<"$bus/devices/$1/$file")" = "$3" ] || wrong "$1 is $(<"$bus/devices/$1/$file"), not $3"
}

# does NAME IS... : COMMAND...: it succeeds, and then that is so.
does() {
	local name=$1 then=()
	shift
	while [ "$1" != : ]; do then+=("$1") && shift; done
	shift
	try "$@"
	if [ "$rc" = 0 ] && is "${then[@]}"; then
		result 0 "$name"
	else
		shown "$@"
		result 1 "$name"
	fi
}
# refuses NAME IS... : PATTERN COMMAND...: it fails, says why, and that is so as before.
refuses() {
	local name=$1 then=() pattern
	shift
	while [ "$1" != : ]; do then+=("$1") && shift; done
	pattern=$2
	shift 2
	try "$@"
	if [ "$rc" != 0 ] && [[ $err =~ $pattern ]] && is "${then[@]}"; then
		result 0 "$name"
	else
		shown "$@"
		result 1 "$name"
	fi
}
# lists NAME DEVICE KEY=VALUE...: daxctl list has these; nothing for a key that it has not.
lists() {
	local name=$1 device=$2 pair value
	shift 2
	try "${lister[@]}" list -d "$device"
	for pair; do
		value=''
		[[ ! $out =~ \"${pair%%=*}\":\"?([^\",$'\n']*) ]] || value=${BASH_REMATCH[1]}
		[ "$value" = "${pair#*=}" ] || {
			shown "${lister[*]} list -d $device"
			wrong "${pair%%=*} is $value, not ${pair#*=}"
			result 1 "$name"
			return
		}
	done
	result 0 "$name"
}
lister=("$daxctl")

# Somebody uses MIB of the device, until let_go, which is false if his data are not what
# he wrote.
hold() {
	local ready=''
	coproc HOLD { exec "$BUILD/tests/failnth" hold "/dev/$1" "$2"; }
	holder=${HOLD_PID:-} tell=${HOLD[1]:-}
	[ -z "$tell" ] || read -r -t 100 ready <&"${HOLD[0]}" || :
	[ "$ready" = ready ] || wrong "nobody holds any of it"
}
let_go() {
	[ -n "$tell" ] || return
	eval "exec $tell>&-"
	wait "$holder"
}
# Somebody has a page of it that cannot be moved, until unpin.
pin() {
	answer=''
	coproc FILL { exec "$BUILD/tests/fill" "/dev/$1" 4 0-ffffffffffffffff; }
	filler=${FILL_PID:-} tell=${FILL[1]:-} hear=${FILL[0]:-}
	[ -n "$tell" ] && read -r -t 100 _ <&"$hear" && echo "pin 0" >&"$tell" && read -r -t 100 answer <&"$hear"
	[ "$answer" = pinned ] || wrong "nobody has pinned any of it"
}
unpin() {
	answer=''
	[ -n "$tell" ] || return
	echo unpin >&"$tell" && read -r -t 100 answer <&"$hear"
	eval "exec $tell>&-"
	wait "$filler"
	[ "$answer" = "unpinned, as written" ] || wrong "unpinned: $answer"
}
# He may have gone when he is told to.
trap '' PIPE

#
# From mode to mode, on memory that the firmware reserved.
#
modes() {
	local total=3 # memory blocks
	lists "$ram, disabled" "$ram" mode=devdax state=disabled hotplug= online_memblocks=
	does "anondax --no-online: bound, not plugged" "$ram" anondax unplugged : "$daxctl" reconfigure-device -N -m anondax "$ram"
	lists "list: so it is" "$ram" mode=anondax hotplug=unplugged target_node=2 online_memblocks=0 total_memblocks=0 movable= state=
	refuses "enable-device: it is, in another mode" "$ram" anondax unplugged : "only applicable in devdax mode" "$daxctl" enable-device "$ram"
	does "online-memory" "$ram" anondax online_movable : "$daxctl" online-memory "$ram"
	lists "list: online_movable" "$ram" mode=anondax hotplug=online_movable online_memblocks="$total" total_memblocks="$total" movable=true
	lister=(setpriv --reuid=65534 --regid=65534 --clear-groups "$daxctl")
	lists "list: mode and hotplug for those without privileges, too" "$ram" mode=anondax hotplug=online_movable
	lister=("$daxctl")
	try "$daxctl" online-memory "$ram"
	[[ $err = *"already online"* ]] && is "$ram" anondax online_movable
	result $? "online-memory, when it is: says so"
	refuses "online-memory --no-movable, when it is movable" "$ram" anondax online_movable : "already online_movable.*usy" "$daxctl" online-memory --no-movable "$ram"
	refuses "anondax --no-movable, when it is movable" "$ram" anondax online_movable : "already online_movable.*usy" "$daxctl" reconfigure-device -m anondax --no-movable "$ram"

	hold "$ram" 16
	refuses "plugged: devdax" "$ram" anondax online_movable : "online, refusing.*usy" "$daxctl" reconfigure-device -m devdax "$ram"
	refuses "plugged: system-ram" "$ram" anondax online_movable : "online, refusing.*usy" "$daxctl" reconfigure-device -m system-ram "$ram"
	refuses "plugged: system-ram --no-online" "$ram" anondax online_movable : "online, refusing.*usy" "$daxctl" reconfigure-device -N -m system-ram "$ram"
	refuses "plugged: disable-device" "$ram" anondax online_movable : "offline-memory $ram.*usy" "$daxctl" disable-device "$ram"
	refuses "plugged: enable-device" "$ram" anondax online_movable : "only applicable in devdax mode" "$daxctl" enable-device "$ram"
	refuses "plugged: destroy-device" "$ram" anondax online_movable : "offline-memory $ram.*usy" "$daxctl" destroy-device "$ram"
	refuses "plugged: destroy-device --force" "$ram" anondax online_movable : "offline-memory $ram.*usy" "$daxctl" destroy-device -f "$ram"
	refuses "plugged: another size" "$ram" anondax online_movable : "failed to set size" "$daxctl" reconfigure-device -s 128M "$ram"
	check "with the data of who uses it" let_go

	pin "$ram"
	refuses "pinned: offline-memory" "$ram" anondax online_movable : "cannot be moved.*usy" "$daxctl" offline-memory "$ram"
	refuses "pinned: devdax --force" "$ram" anondax online_movable : "cannot be moved.*usy" "$daxctl" reconfigure-device -f -m devdax "$ram"
	refuses "pinned: system-ram --force" "$ram" anondax online_movable : "cannot be moved.*usy" "$daxctl" reconfigure-device -f -m system-ram "$ram"
	check "and then let go of, as written" unpin

	hold "$ram" 16
	does "in use: devdax --force moves it" "$ram" device_dax : "$daxctl" reconfigure-device -f -m devdax "$ram"
	check "with its data" let_go
	lists "list: devdax" "$ram" mode=devdax hotplug= online_memblocks= state=
	does "devdax to anondax --no-movable" "$ram" anondax online_kernel : "$daxctl" reconfigure-device -m anondax --no-movable "$ram"
	lists "list: online_kernel" "$ram" mode=anondax hotplug=online_kernel online_memblocks="$total" movable=false
	does "anondax, when it is" "$ram" anondax online_kernel : "$daxctl" reconfigure-device -m anondax --no-movable "$ram"
	hold "$ram" 16
	does "in use: offline-memory moves it" "$ram" anondax unplugged : "$daxctl" offline-memory "$ram"
	check "with its data" let_go
	try "$daxctl" offline-memory "$ram"
	[[ $err = *"already offline"* ]] && is "$ram" anondax unplugged
	result $? "offline-memory, when it is: says so"
	does "online-memory --no-movable" "$ram" anondax online_kernel : "$daxctl" online-memory --no-movable "$ram"

	does "anondax to system-ram --force" "$ram" kmem : "$daxctl" reconfigure-device -f -m system-ram "$ram"
	lists "list: system-ram" "$ram" mode=system-ram hotplug= online_memblocks="$total" total_memblocks="$total" movable=true
	refuses "system-ram to anondax, online" "$ram" kmem : "usy" "$daxctl" reconfigure-device -m anondax "$ram"
	does "offline" "$ram" kmem : "$daxctl" offline-memory "$ram"
	does "system-ram to anondax, offline" "$ram" anondax online_movable : "$daxctl" reconfigure-device -m anondax "$ram"
	does "and back" "$ram" kmem : "$daxctl" reconfigure-device -f -m system-ram "$ram"
	does "system-ram to anondax --force" "$ram" anondax unplugged : "$daxctl" reconfigure-device -f -N -m anondax "$ram"

	# Unplugged it may go.
	does "unplugged: disable-device" "$ram" none : "$daxctl" disable-device "$ram"
	lists "list: disabled" "$ram" mode=devdax state=disabled hotplug=
	does "enable-device: devdax" "$ram" device_dax : "$daxctl" enable-device "$ram"
	does "devdax to anondax --no-online" "$ram" anondax unplugged : "$daxctl" reconfigure-device -N -m anondax "$ram"
	does "unplugged: devdax needs no --force" "$ram" device_dax : "$daxctl" reconfigure-device -m devdax "$ram"
	refuses "a mode that there is not" "$ram" device_dax : "unknown mode" "$daxctl" reconfigure-device -m anonymous "$ram"

	# A kernel that has no such driver.
	modprobe -r anondax
	echo "install anondax /bin/false" >/etc/modprobe.d/daxctl-test.conf
	refuses "without the driver: it stays devdax" "$ram" device_dax : "failed to enable anondax" "$daxctl" reconfigure-device -m anondax "$ram"
	rm /etc/modprobe.d/daxctl-test.conf
}

#
# What is left behind. On the NVDIMM, whose page map the kernel has for good: a device with a
# map of its own that device_dax could not have once it cannot have ever after (7.3).
#
orphans() {
	does "anondax" "$nvdimm" anondax online_movable : "$daxctl" reconfigure-device -m anondax "$nvdimm"
	hold "$nvdimm" 16
	echo "$nvdimm" >"$drivers/anondax/unbind"
	lists "unbound by hand in use: disabled" "$nvdimm" mode=devdax state=disabled
	refuses "devdax cannot have it" "$nvdimm" none : "failed to enable" "$daxctl" reconfigure-device -m devdax "$nvdimm"
	does "anondax takes it over" "$nvdimm" anondax online_movable : "$daxctl" reconfigure-device -m anondax "$nvdimm"
	does "and takes it offline" "$nvdimm" anondax unplugged : "$daxctl" offline-memory "$nvdimm"
	check "with the data of who uses it" let_go
}

#
# A device of two ranges, with another one in between: whose are the memory blocks?
#
ranges() {
	local region=${ram%.*} other
	region=${region#dax}
	does "anondax --no-online" "$ram" anondax unplugged : "$daxctl" reconfigure-device -N -m anondax "$ram"
	refuses "unplugged: destroy-device" "$ram" anondax unplugged : "specify --force" "$daxctl" destroy-device "$ram"
	does "unplugged: destroy-device --force" "$ram" none : "$daxctl" destroy-device -f "$ram"
	check "its memory is free" [ "$(<"$bus/devices/$ram/size")" = 0 ]
	"$daxctl" reconfigure-device -s 128M "$ram" >/dev/null 2>&1
	try "$daxctl" create-device -r "$region" -s 128M
	[[ $out =~ \"chardev\":\"([^\"]*)\" ]]
	other=${BASH_REMATCH[1]:-none}
	is "$other" device_dax
	result $? "create-device: devdax"
	"$daxctl" reconfigure-device -s 256M "$ram" >/dev/null 2>&1
	does "a device of two ranges" "$ram" anondax online_movable : "$daxctl" reconfigure-device -m anondax "$ram"
	lists "its memory blocks are in both" "$ram" online_memblocks=2 total_memblocks=2 movable=true
	does "the device in between, in the other zone" "$other" anondax online_kernel : "$daxctl" reconfigure-device -m anondax --no-movable "$other"
	lists "its memory block is its own" "$other" online_memblocks=1 total_memblocks=1 movable=false
	lists "and the others are as they were" "$ram" online_memblocks=2 total_memblocks=2 movable=true
	refuses "all, one of them plugged" "$ram" anondax online_movable : "usy" "$daxctl" reconfigure-device -m devdax -r "$region" all
	does "all, with --force" "$ram" device_dax : "$daxctl" reconfigure-device -f -m devdax -r "$region" all
	check "all of them" is "$other" device_dax
	"$daxctl" destroy-device -f "$other" >/dev/null 2>&1
	"$daxctl" disable-device "$ram" >/dev/null 2>&1
	"$daxctl" reconfigure-device -s 0 "$ram" >/dev/null 2>&1
	does "one range again" "$ram" none : "$daxctl" reconfigure-device -s 384M "$ram"
}

#
# system-ram: both say and do the same. Without --no-movable, for then the kernel's own
# pages would keep the memory.
#
# transcript DAXCTL FILE
transcript() {
	local command=$1 line
	while read -ra line; do
		try "$command" "${line[@]}"
		echo "$ daxctl ${line[*]}"
		echo "$out"
		echo "$err"
		echo "exit status $rc, $(driver "$ram") $(cat "$bus/devices/$ram/state" 2>/dev/null)"
	done <<-END >"$2"
		reconfigure-device -m devdax $ram
		list -d $ram
		online-memory $ram
		offline-memory $ram
		reconfigure-device -N -m system-ram $ram
		list -d $ram
		online-memory $ram
		online-memory $ram
		list -d $ram
		reconfigure-device -m devdax $ram
		reconfigure-device -v -m devdax $ram
		disable-device $ram
		enable-device $ram
		destroy-device $ram
		list -d $ram
		offline-memory $ram
		offline-memory $ram
		disable-device $ram
		list -d $ram
		reconfigure-device -m system-ram $ram
		reconfigure-device -f -m system-ram $ram
		reconfigure-device -m devdax -f $ram
		reconfigure-device -m devdax -f $ram
		disable-device $ram
		enable-device $ram
		destroy-device $ram
		disable-device $ram
		list -d $ram
	END
}
system_ram() {
	transcript "$old/daxctl" "$tmp/old"
	transcript "$daxctl" "$tmp/new"
	# With -v the library tells its story, with the addresses of its objects.
	sed -i '/^libdaxctl: /d' "$tmp/old" "$tmp/new"
	check "it says something" grep -q '"mode":"system-ram"' "$tmp/new"
	diff "$tmp/old" "$tmp/new" >"$tmp/diff"
	result $? "system-ram: $(grep -c '^\$ ' "$tmp/new") commands do and say what Debian's daxctl does and says"
	[ ! -s "$tmp/diff" ] || while read -r line; do note "$line"; done <"$tmp/diff"
}

#
# A namespace of an NVDIMM, and its configuration.
#
config() {
	mkdir -p /etc/daxctl.conf.d
	printf '%s\n' "[reconfigure-device private]" "nvdimm.uuid = $uuid" "$@" >/etc/daxctl.conf.d/private.conf
}
namespaces() {
	local ns=namespace0.0 uuid seed
	for seed in /sys/bus/nd/devices/dax*; do [ ! -e "$seed/driver" ] || uuid=$(<"$seed/uuid"); done
	config "mode = anondax"
	does "mode = anondax in daxctl.conf.d" "$nvdimm" anondax online_movable : "$daxctl" reconfigure-device -C "$nvdimm"
	config "mode = devdax"
	refuses "mode = devdax, while it is plugged" "$nvdimm" anondax online_movable : "usy" "$daxctl" reconfigure-device -C "$nvdimm"
	"$daxctl" reconfigure-device -f -m devdax "$nvdimm" >/dev/null 2>&1
	config "mode = anondax" "online = false"
	does "with online = false" "$nvdimm" anondax unplugged : "$daxctl" reconfigure-device -C "$nvdimm"
	config "mode = anondax" "movable = false"
	does "with movable = false" "$nvdimm" anondax online_kernel : "$daxctl" reconfigure-device -C "$nvdimm"
	rm /etc/daxctl.conf.d/private.conf

	hold "$nvdimm" 16
	refuses "plugged: ndctl disable-namespace" "$nvdimm" anondax online_kernel : "memory is online.*usy" "$ndctl" disable-namespace "$ns"
	refuses "plugged: ndctl destroy-namespace" "$nvdimm" anondax online_kernel : "is active" "$ndctl" destroy-namespace "$ns"
	refuses "plugged: ndctl destroy-namespace --force" "$nvdimm" anondax online_kernel : "memory is online.*usy" "$ndctl" destroy-namespace -f "$ns"
	refuses "plugged: ndctl create-namespace --force, in its place" "$nvdimm" anondax online_kernel : "memory is online.*usy" \
		"$ndctl" create-namespace -f -m fsdax -e "$ns"
	# Which has no exit status for that.
	try "$ndctl" disable-region region0
	[[ $err = *"memory is online"*"disabled 0 regions"* ]] && is "$nvdimm" anondax online_kernel
	result $? "plugged: ndctl disable-region"
	check "with the data of who uses it" let_go
	try "$ndctl" list -X
	[[ $out = *'"mode":"anondax"'*'"hotplug":"online_kernel"'* ]]
	result $? "ndctl list -X: the device in it is anondax"
	does "offline-memory" "$nvdimm" anondax unplugged : "$daxctl" offline-memory "$nvdimm"
	try "$ndctl" disable-namespace "$ns"
	[ "$rc" = 0 ] && [ ! -e "$bus/devices/$nvdimm" ]
	result $? "unplugged: ndctl disable-namespace"
	does "and comes back" "$nvdimm" device_dax : "$ndctl" enable-namespace "$ns"
}

#
# A region of CXL, or what cxl takes for one: the device is real, what is around it is not.
#
# With its driver as a plain file: what is written to it says whether cxl lets the region go.
fake_region() {
	local r parent
	parent=$(readlink -f "$bus/devices/$ram")
	id=${ram%.*} id=${id#dax}
	r=$tmp/cxl/root0/decoder0.0/region$id
	mkdir -p "$tmp/cxl/root0/uport" "$tmp/driver" "$r"
	ln -s "$tmp/driver" "$r/driver"
	ln -s "${parent%/*}" "$r/dax_region$id"
	echo >"$r/uuid"
	unbind=$tmp/driver/unbind
	: >"$unbind"
	mount --bind "$tmp/cxl" /sys/bus/cxl/devices
}
# keeps: cxl did not let go of it. Whether it did is seen once.
keeps() {
	[ -s "$unbind" ] || return 0
	: >"$unbind"
	return 1
}
regions() {
	local id unbind
	fake_region
	does "anondax" "$ram" anondax online_movable : "$daxctl" reconfigure-device -m anondax "$ram"
	hold "$ram" 16
	try "$old/cxl" disable-region "region$id"
	is "$ram" anondax online_movable && ! keeps
	result $? "without the patches: cxl disable-region lets it go, with its memory in use"
	try "$cxl" disable-region "region$id"
	is "$ram" anondax unplugged && ! keeps
	result $? "cxl disable-region: takes its memory offline first"
	check "with the data of who uses it" let_go
	does "anondax" "$ram" anondax online_movable : "$daxctl" reconfigure-device -m anondax "$ram"
	pin "$ram"
	refuses "pinned: cxl disable-region" "$ram" anondax online_movable : "unable to offline.*usy" "$cxl" disable-region "region$id"
	check "and the region stays" keeps
	refuses "pinned: cxl destroy-region --force, which asks no more than that" "$ram" anondax online_movable : "leaked" "$cxl" destroy-region -f "region$id"
	check "lets the region go and says what it costs" eval "! keeps"
	check "let go of, as written" unpin
	does "devdax" "$ram" device_dax : "$daxctl" reconfigure-device -f -m devdax "$ram"
	try "$cxl" disable-region "region$id"
	check "devdax: cxl disable-region lets it go as before" eval "! keeps"
	umount /sys/bus/cxl/devices
}

#
# What Debian's do without the patches: what is told in the guide.
#
without() {
	does "anondax" "$ram" anondax online_movable : "$daxctl" reconfigure-device -m anondax "$ram"
	lister=("$old/daxctl")
	lists "without the patches: anondax is listed as devdax" "$ram" mode=devdax hotplug=
	lister=("$daxctl")
	does "without the patches: devdax is a success, and nothing is done" "$ram" anondax online_movable : "$old/daxctl" reconfigure-device -m devdax "$ram"
	try "$old/daxctl" reconfigure-device -m anondax "$ram"
	[ "$rc" != 0 ] && [[ $err = *"unknown mode"* ]]
	result $? "without the patches: there is no mode anondax"
	loses "disable-device" disable-device "$ram"
	loses "destroy-device --force" destroy-device -f "$ram"
	loses "system-ram" reconfigure-device -m system-ram "$ram"
	does "devdax" "$ram" device_dax : "$daxctl" reconfigure-device -f -m devdax "$ram"
}
# loses NAME COMMAND...: the device is nobody's then, and its memory is in use.
loses() {
	local name=$1
	shift
	hold "$ram" 16
	try "$old/daxctl" "$@"
	is "$ram" none && private
	result $? "without the patches: $name leaves memory in use to nobody"
	# Destroyed, it has the same range when it has its size.
	[ "$(<"$bus/devices/$ram/size")" != 0 ] || "$daxctl" reconfigure-device -s 384M "$ram" >/dev/null 2>&1
	does "which the patched daxctl takes over" "$ram" anondax online_movable : "$daxctl" reconfigure-device -m anondax "$ram"
	check "with the data of who uses it" let_go
}
without_namespaces() {
	does "anondax" "$nvdimm" anondax online_movable : "$daxctl" reconfigure-device -m anondax "$nvdimm"
	hold "$nvdimm" 16
	try "$old/ndctl" disable-namespace namespace0.0
	[ ! -e "$bus/devices/$nvdimm" ] && in_list 3 /sys/devices/system/node/has_private_memory
	result $? "without the patches: ndctl disable-namespace leaves memory in use to nobody"
	"$ndctl" enable-namespace namespace0.0 >/dev/null 2>&1
	does "which the patched daxctl takes over" "$nvdimm" anondax online_movable : "$daxctl" reconfigure-device -m anondax "$nvdimm"
	check "with the data of who uses it" let_go
	does "devdax" "$nvdimm" device_dax : "$daxctl" reconfigure-device -f -m devdax "$nvdimm"
}

# The test that the patches bring for ndctl's own.
theirs() {
	local lines line
	NDCTL=$ndctl DAXCTL=$daxctl CXL=$cxl bash -Ex "$NDCTL_BUILD-src/test/daxctl-anondax.sh" >"$tmp/out" 2>&1
	rc=$?
	[ "$rc" = 0 ] || {
		mapfile -t lines <"$tmp/out"
		for line in "${lines[@]: -20}"; do note "$line"; done
	}
	result "$rc" "ndctl's own test"
}

# To zero it is most of what unplugging takes here, and not what this is about.
echo "options anondax scrub=0" >/etc/modprobe.d/daxctl.conf
for group in modes orphans ranges system_ram namespaces regions without without_namespaces theirs; do
	[ $# = 1 ] || [[ " $* " = *" $group "* ]] || continue
	note "$group"
	began=$SECONDS
	$group
	note "$((SECONDS - began)) s"
done
conclude
