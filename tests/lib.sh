# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the scripts that run in the virtual machine share: TAP, and the node.

. /run/lab.env

bus=/sys/bus/dax
dev=$bus/devices/$DAX
# shellcheck disable=SC2034 # for the others
hotplug=$dev/hotplug
page=$(getconf PAGESIZE)
done_so_far=0
status=0

# result STATUS NAME
result() {
	done_so_far=$((done_so_far + 1))
	if [ "$1" = 0 ]; then
		echo "ok $done_so_far $2"
	else
		echo "not ok $done_so_far $2"
		status=1
	fi
}
skip() {
	done_so_far=$((done_so_far + 1))
	echo "ok $done_so_far $1 # SKIP $2"
}
# check NAME COMMAND...
check() {
	local name=$1
	shift
	"$@"
	result $? "$name"
}
conclude() {
	echo "1..$done_so_far"
	exit "$status"
}
note() { echo "# $*"; }
wrong() {
	note "$*"
	return 1
}
# try COMMAND...: what it says is in $out and $err, its exit status in $rc; shown says so.
# $tmp is a directory of the caller's.
# shellcheck disable=SC2154 # that
try() {
	rc=0
	"$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
	out=$(<"$tmp/out") err=$(<"$tmp/err")
}
shown() {
	local line
	note "$* (exit status $rc):"
	while read -r line; do note "  $line"; done <<<"$out$err"
}

# The free pages of the private node: in its buddy lists, and on those of single CPUs.
# Not nr_free_pages, which lags behind on each CPU. In the shell alone, as much else
# here: to start a program takes the machine longer than most of what is asked.
#
# What moves from a list to another while they are read would be seen in neither: so
# both files are read at once, and again if the buddy lists have changed meanwhile.
free_lists() {
	local buddy=0 listed=0 ours='' i line was lines words buddies
	for ((i = 0; i < 10; i++)); do
		was=$(</proc/buddyinfo)
		mapfile -t lines </proc/zoneinfo
		buddies=$(</proc/buddyinfo)
		[ "$was" != "$buddies" ] || break
	done
	while read -ra words; do
		[ "${words[1]}" = "$PNODE," ] || continue
		for ((i = 4; i < ${#words[@]}; i++)); do buddy=$((buddy + (words[i] << (i - 4)))); done
	done <<<"$buddies"
	for line in "${lines[@]}"; do
		case $line in
		"Node $PNODE,"*) ours=1 ;;
		Node*) ours='' ;;
		*" count: "*) [ -z "$ours" ] || listed=$((listed + ${line##* })) ;;
		esac
	done
	echo "$buddy $listed"
}
free_pages() {
	local buddy listed
	read -r buddy listed < <(free_lists)
	echo $((buddy + listed))
}
managed_pages() {
	local kib=0 meminfo=/sys/devices/system/node/node$PNODE/meminfo
	[ ! -e "$meminfo" ] || read -r _ _ _ kib _ <"$meminfo"
	echo $((kib * 1024 / page))
}
# in_list NODE FILE: is the node in the list "0-1,3" that the file has?
in_list() {
	local range ranges
	IFS=, read -ra ranges <"$2"
	for range in "${ranges[@]}"; do
		[ "$1" -lt "${range%-*}" ] || [ "$1" -gt "${range#*-}" ] || return 0
	done
	return 1
}
private() { in_list "$PNODE" /sys/devices/system/node/has_private_memory; }
ordinary() { in_list "$PNODE" /sys/devices/system/node/has_memory; }
