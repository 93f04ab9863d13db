#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# pnctl, the operator's command: each verb works and is refused; what is refused has
# changed nothing; what fails half way is undone; what is killed half way can be gone on
# from. Runs in the virtual machine.

# What is in single quotes is jq's, or for a shell of its own.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

pnctl=$BUILD/pnctl/pnctl
hold=$BUILD/hold
tmp=$(mktemp -d)
chmod 755 "$tmp"
conf=$tmp/conf
file=/dev/$DAX
knobs=(reclaim demotion mbind shmem madvise numa_balance ltpin cpuset)

# Nobody asks twice where there is no shell to be started.
pn() { "$pnctl" "$@" >"$tmp/out" 2>"$tmp/err"; }
driver() {
	local link
	link=$(cd -P "$dev/driver" 2>/dev/null && pwd) || link=none
	echo "${link##*/}"
}
# All that pnctl could change of the device, in a line.
state() {
	local f value line
	line="$(driver) $(stat -c '%u:%g %a' "$file")"
	for f in hotplug state adistance "${knobs[@]}"; do
		[ ! -e "$dev/$f" ] || { read -r value <"$dev/$f" && line+=" $f=$value"; }
	done
	# Without programs where there are no files.
	for f in "$conf"/* "$conf"/.[!.]*; do
		[ ! -f "$f" ] || line+=" $f=$(cksum <"$f")"
	done
	echo "$line"
}
show() { sed 's/^/# /' "$tmp/out" "$tmp/err"; }
# works NAME ARGUMENTS...
works() {
	pn "${@:2}"
	local rc=$?
	[ $rc = 0 ] || show
	result $rc "$1"
}
# Two lines: "pnctl VERB: what is wrong" and what to do.
two_lines() {
	local lines
	mapfile -t lines <"$tmp/err"
	[ ${#lines[@]} = 2 ] && [[ ${lines[0]} = "pnctl${1:+ $1}: "?* ]] && [ -n "${lines[1]}" ]
}
# refused STATUS NAME ARGUMENTS...: with that status, in two lines, and nothing is changed.
refused() {
	local was rc
	was=$(state)
	pn "${@:3}"
	rc=$?
	[ $rc = "$1" ] || note "exit status $rc, not $1"
	[ $rc = "$1" ] && two_lines "${verb-$3}" && [ "$(state)" = "$was" ]
	rc=$?
	[ $rc = 0 ] || { note "was $was" && note "is  $(state)" && show; }
	result $rc "$2"
}
# says FILE TEXT, of what the last one printed
says() { grep -qF -- "$2" "$tmp/$1" || { show && false; }; }
# is FILTER: of the JSON that the last one printed
is() { jq -e "$1" "$tmp/out" >/dev/null || { show && false; }; }
# as it is WORD...: the state has them all
has() {
	local now word
	now=" $(state) "
	for word; do [[ $now = *" $word "* ]] || { note "no $word in $now" && return 1; }; done
}
# holding COMMAND...: until it says that it does, or has ended
holding() {
	"$@" >"$tmp/held" 2>&1 &
	holder=$!
	until grep -q holding "$tmp/held" || ! kill -0 $holder 2>/dev/null; do sleep 0.1; done
}
# Only the one that was started.
let_go() { kill "$holder" 2>/dev/null && wait "$holder" 2>/dev/null; }

note "one that looks"
works "check: a device that nobody has" check --config-dir "$conf"
check "check: says what create would do" says out "'pnctl create $DAX' would make node $PNODE private"
works "check: as JSON" check -J --config-dir "$conf"
check "check: valid JSON, all is well" is 'length >= 3 and all(.ok)'
works "list: as JSON" list -J
check "list: the device, without a driver" is ".[] | select(.device == \"$DAX\") | .node == $PNODE and .state == \"disabled\" and (has(\"driver\") | not) and .perm == \"0600\""
works "--help" --help
for v in list create destroy set who watch run check cdi save restore; do
	pn $v --help && [ ! -s "$tmp/err" ] && says out "usage: pnctl $v"
	result $? "$v: --help"
done

# completes LINE WORD...: that is what bash offers there
completes() {
	local out
	out=$(bash -c '. /usr/share/bash-completion/bash_completion && . tools/pnctl/completion.bash && compopt() { :; }
		COMP_LINE=$0 COMP_POINT=${#0}
		read -ra COMP_WORDS <<<"${0//=/ = }"
		[[ $0 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_pnctl && printf "%s\n" "${COMPREPLY[@]}" | uniq | paste -sd " "' "$1" 2>&1)
	[ "$out" = "${*:2}" ] || wrong "offered: $out"
	result $? "completion: $1"
}
mkdir "$tmp/saved.d"
touch "$tmp/saved.d/fast.conf" "$tmp/saved.d/nodes.json"
devices=$(cd $bus/devices && echo *)
onoff=() && for k in "${knobs[@]}"; do onoff+=("$k=on"); done && for k in "${knobs[@]}"; do onoff+=("$k=off"); done
completes "pnctl " list create destroy set who watch run check cdi save restore
completes "pnctl create " "$devices"
completes "pnctl create --adistance 5 " "$devices"
completes "pnctl create --mode=m" movable
completes "pnctl create --adistance "
completes "pnctl create --config-dir $tmp/sav" "$tmp/saved.d"
completes "pnctl create $DAX --set mbind=on,de" on,demotion=on on,demotion=off
completes "pnctl destroy $DAX --to=k" kmem
completes "pnctl destroy --config-dir $tmp/saved.d --saved " fast
completes "pnctl set -q " "$devices"
completes "pnctl set $DAX " "${onoff[@]}" adistance=
completes "pnctl set $DAX mbind=o" on off
completes "pnctl set $DAX adistance="
completes "pnctl who -J " "$(cd $bus/devices && cat -- */target_node | paste -sd ' ')"
completes "pnctl restore --wait "
completes "pnctl cdi -o $tmp/saved.d/" "$tmp/saved.d/nodes.json"
completes "pnctl run --node=2 setpri" setpriv
completes "pnctl run -n 2 -- ls $tmp/saved.d/fa" "$tmp/saved.d/fast.conf"
rm -r "$tmp/saved.d"
# As on a kernel that has none.
without() { unshare -m bash -c 'mount -t tmpfs none /sys/devices/system/node && exec "$0" "$@"' "$pnctl" "$@" >"$tmp/out" 2>"$tmp/err"; }
without check -J
[ $? = 3 ] && is '[.[] | select(.ok | not)] | length > 0 and all(.cure | length > 0)'
result $? "check: no private nodes, and the cure"
check "check: it does not say what create would do then" is "any(.finding | test(\"no driver has $DAX\")) and all(.finding | test(\"would\") | not)"

note "wrong input changes nothing"
verb='' refused 2 "no verb"
verb='' refused 2 "an unknown verb" frobnicate
verb='' refused 2 "an empty verb" ''
while read -r want words; do
	eval "args=($words)"
	refused "$want" "wrong: $words" "${args[@]}"
done <<-END
	2 create
	2 create $DAX $DAX
	2 create $DAX --mode sideways
	2 create $DAX --mode ''
	2 create $DAX --mode
	2 create $DAX --set mbind
	2 create $DAX --set mbind=
	2 create $DAX --set mbind=2
	2 create $DAX --set mbind=ON
	2 create $DAX --set frob=on
	2 create $DAX --set =on
	2 create $DAX --set ''
	2 create $DAX --set mbind=on,
	2 create $DAX --set mbind=on,mbind=off
	2 create $DAX --set hotplug=on
	2 create $DAX --set ../../mbind=on
	2 create $DAX --adistance 0
	2 create $DAX --adistance -5
	2 create $DAX --adistance 1e3
	2 create $DAX --adistance 99999999999999999999
	2 create $DAX --adistance 5 --set adistance=6
	2 create $DAX --group no-such-group
	2 create $DAX --owner no-such-user
	2 create $DAX --group 4294967295
	2 create $DAX --perm 0777
	2 create $DAX --perm 4660
	2 create $DAX --perm 888
	2 create $DAX --perm rw-rw----
	2 create $DAX --frob
	2 create --s $DAX
	3 create dax
	3 create dax99.0
	3 create /dev/$DAX
	3 create ../$DAX
	3 create ''
	3 create \$'dax0.0\\ndax0.1'
	3 create $DAX/hotplug
	2 destroy
	2 destroy $DAX --to anondax
	2 destroy $DAX --to ''
	2 destroy $DAX --to ../kmem
	3 destroy dax99.0
	2 set
	2 set $DAX
	2 set $DAX mbind
	2 set $DAX mbind=maybe
	3 set dax99.0 mbind=on
	1 set $DAX mbind=on
	2 who
	2 who x
	2 who -1
	2 who 0 1
	3 who 999
	2 watch -i 0
	2 watch -i nan
	2 watch -c 0
	2 watch now
	2 run
	2 run -n 2
	2 run -n two true
	2 run -n - true
	2 run -n $PNODE- true
	2 run -n ,$PNODE true
	2 run -n $PNODE,,$PNODE true
	2 run -n $PNODE-1 true
	3 run -n 999 true
	3 run -n $PNODE true
	1 run -n 0 true
	2 list $DAX
	2 list -N x
	2 list -N -1
	3 list -d dax99.0
	2 restore --wait soon --config-dir $conf
	3 restore nothing-like-it --config-dir $conf
	3 save --config-dir $conf
	1 save $DAX --config-dir $conf
	3 save dax99.0 --config-dir $conf
	2 check it
	3 cdi
	1 cdi $DAX
	3 cdi dax99.0
	3 cdi ../$DAX
	2 cdi -o
	2 cdi -o $tmp/cdi.yaml
	2 cdi -o $tmp/.json
	2 cdi -o ''
END
# A directory that is none, and one that cannot be written to.
: >"$tmp/file"
refused 1 "create --save: no such directory can be" create "$DAX" --save --config-dir "$tmp/file"
refused 1 "create --save: on a read-only file system" create "$DAX" --save --config-dir /sys/kernel

note "a user may look and nothing else"
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$pnctl" "$@" >"$tmp/out" 2>"$tmp/err"; }
check "nobody: list" as_nobody list -J
check "nobody: valid JSON" is 'length > 0'
check "nobody: check" as_nobody check
check "nobody: check says what it cannot see" eval 'says out "not checked: only root" && says out "with up to"'
was=$(state)
for args in "create $DAX" "destroy $DAX" "set $DAX mbind=on" "save" "restore"; do
	read -ra words <<<"$args"
	as_nobody "${words[@]}"
	[ $? = 5 ] && two_lines "${words[0]}" && [ "$(state)" = "$was" ]
	result $? "nobody: $args is refused"
done

note "create: all of it"
create=(create "$DAX" --set "mbind=on,ltpin=on" --adistance 300 --group 65534 --perm 0660 --save --config-dir "$conf")
wanted=(anondax 0:65534 660 hotplug=online_movable adistance=300 mbind=1 ltpin=1 reclaim=0 demotion=0 cpuset=0)
works "create" "${create[@]}"
check "create: all is as it was asked for" has "${wanted[@]}"
check "create: the node is private" private
check "create: the guide's warning" says err "ltpin is on"
works "list: as JSON" list -J -N "$PNODE"
check "list: all of it" is ".[0] | .device == \"$DAX\" and .driver == \"anondax\" and .private and .state == \"online_movable\" and .adistance == 300 and .knobs.mbind and .knobs.ltpin and (.knobs.demotion | not) and .used + .free == .node_size and .perm == \"0660\" and (.tier | type) == \"number\""
works "list: of another node" list -J -N 0
check "list: nothing there" is 'length == 0'
works "create: again" "${create[@]}"
check "create: it is as it was" says out "as it was"
refused 4 "create: in another mode" create "$DAX" --mode kernel
refused 4 "create: with another adistance" create "$DAX" --adistance 301
refused 2 "create: for a group that is not there" create "$DAX" --group devmem
check "create: says what creates it" says err "'groupadd --system devmem'"
works "list: as text" list -d "$DAX"
check "list: all of it" grep -qE "^$DAX +$PNODE +anondax +online_movable +256 MiB +[0-9]{1,4} KiB +2[0-9]{2} MiB +[0-9]+ +mbind,ltpin +root:[^ ]+ 0660\$" "$tmp/out"
works "create: another owner" create "$DAX" --owner 65534
check "create: it has the file" has 65534:65534 660
works "create: the owner from before" create "$DAX" --owner 0

note "set"
works "set: two knobs" set "$DAX" demotion=on ltpin=off
check "set: they are" has demotion=1 ltpin=0 mbind=1
check "set: the guide's warning" says err "demotion is on and reclaim is off"
refused 2 "set: one of two is none" set "$DAX" reclaim=on frob=on
refused 4 "set: adistance while it is plugged" set "$DAX" reclaim=on adistance=5
[ -e "$dev/shmem" ] || refused 3 "set: a knob that this kernel does not have" set "$DAX" reclaim=on shmem=on
was=$(state)
strace -qqq -o "$tmp/trace" -e trace=write -e inject=write:error=EIO:when=2 "$pnctl" set "$DAX" reclaim=on madvise=on >"$tmp/out" 2>"$tmp/err"
[ $? = 1 ] && [ "$(state)" = "$was" ] && two_lines set
result $? "set: the second fails, the first is undone"
# warns TEXT KNOB...: what the guide says of them, while the others are off
warns() {
	pn set "$DAX" "${off[@]}" && pn set "$DAX" "${@:2}" && says err "warning: $1"
	result $? "set: the guide's warning of ${*:2}"
}
off=()
for k in "${knobs[@]}"; do [ ! -e "$dev/$k" ] || off+=("$k=off"); done
warns "demotion is on, and nothing is demoted until /sys/kernel/mm/numa/demotion_enabled is 1" demotion=on
warns "madvise is on and reclaim is off" madvise=on
warns "reclaim is on, and its anonymous memory has nowhere to go" reclaim=on
warns "cpuset is on, and lets in nobody" cpuset=on
warns "cpuset is on: only those whose cpuset.mems lists node $PNODE" cpuset=on mbind=on
warns "numa_balance is on, and nothing is promoted until kernel.numa_balancing is 2" numa_balance=on
pn set "$DAX" "${off[@]}" && [ ! -s "$tmp/err" ]
result $? "set: no warning of knobs that are off"
pn set "$DAX" mbind=on
works "set: back" set "$DAX" demotion=off
"$pnctl" set "$DAX" demotion=off ltpin=on >/dev/null 2>&1

note "run"
works "run: on the node" run -n "$PNODE" -- grep -c "bind:$PNODE.*N$PNODE=" /proc/self/numa_maps
works "run: preferred" run -n "$PNODE" --prefer grep -c "prefer:$PNODE" /proc/self/numa_maps
other=${DAX_DEVICES##* }
if [ "$other" != "$DAX" ]; then
	works "run: a second node" create "$other" --set mbind=on
	works "run: on both" run -n "$PNODE,${DAX_NODES##* }" grep -c "bind:${PNODE}[,-]${DAX_NODES##* } " /proc/self/numa_maps
	works "run: both preferred" run -n "$PNODE,${DAX_NODES##* }" --prefer grep -c "many):${PNODE}[,-]${DAX_NODES##* } " /proc/self/numa_maps
	works "run: one again" destroy "$other"
fi
pn run -n "$PNODE" -- sh -c 'exit 7'
[ $? = 7 ]
result $? "run: the command's exit status"
works "run: the command's own options" run -n "$PNODE" -- sh -c 'test "$1" = --help' sh --help
refused 127 "run: a program that is not there" run -n "$PNODE" no-such-program
refused 126 "run: a file that is no program" run -n "$PNODE" "$tmp/file"
echo 0 >"$dev/mbind"
refused 5 "run: the knob mbind is off" run -n "$PNODE" true
check "run: says which" says err "pnctl set $DAX mbind=on"
echo 1 >"$dev/mbind"
echo 1 >"$dev/cpuset"
refused 5 "run: a grant is needed" run -n "$PNODE" true
echo 0 >"$dev/cpuset"
cgroup=/sys/fs/cgroup
echo "+cpuset +memory" >$cgroup/cgroup.subtree_control
mkdir -p $cgroup/denied $cgroup/granted
echo 0 >$cgroup/denied/cpuset.mems
echo "0,$PNODE" >$cgroup/granted/cpuset.mems
in_group() { bash -c 'echo $$ >"$0" && exec "$@"' "$cgroup/$1/cgroup.procs" "${@:2}" >"$tmp/out" 2>"$tmp/err"; }
in_group denied "$pnctl" run -n "$PNODE" true
[ $? = 5 ] && two_lines run && says err cpuset
result $? "run: the cpuset keeps it off"
check "run: the cpuset grants it" in_group granted "$pnctl" run -n "$PNODE" true

note "who"
holding bash -c 'echo $$ >"$0" && exec "$@"' $cgroup/granted/cgroup.procs "$hold" "$file" 32
works "who: as JSON" who "$PNODE" -J
check "who: no count of what was not looked at" is '.processes[0] | (has("open") or has("mapped")) | not'
check "who: the process" is ".processes[0] | .pid == $holder and .command == \"hold\" and .anon == 33554432 and .file == 0"
check "who: its cgroup" is '.cgroups[] | select(.cgroup == "/granted") | .anon >= 33554432'
check "who: the open file" is ".devices[0] | .device == \"$DAX\" and .users[0].pid == $holder and .users[0].mapped == 1"
works "who: as text" who "$PNODE"
check "who: names it" grep -qE "^ +32 MiB +32 MiB +0 KiB +0 KiB  $holder \(hold\)\$" "$tmp/out"
check "who: how often it has the device" grep -qE "^ +1 +1  $holder \(hold\)\$" "$tmp/out"
first=$holder
holding "$hold" "$file" 40
works "who: of two" who "$PNODE" -J
check "who: the largest first" is "[.processes[].pid] == [$holder, $first]"
let_go
if [ -e "$dev/shmem" ]; then
	echo 1 >"$dev/shmem"
	mkdir "$tmp/shm"
	mount -t tmpfs -o "mpol=bind:$PNODE" none "$tmp/shm"
	head -c 4M /dev/zero >"$tmp/shm/two words"
	holding "$hold" -s "$tmp/shm/two words" 4
	works "who: shared memory of a file" who "$PNODE" -J
	shmem=".processes[] | select(.pid == $holder) | .shmem == 4194304 and .file == 0 and .anon == 0"
	check "who: it is that, by a name with a blank" is "$shmem"
	rm "$tmp/shm/two words"
	works "who: a file that is deleted" who "$PNODE" -J
	check "who: it is shared memory still" is "$shmem"
	let_go
	until umount "$tmp/shm"; do sleep 0.1; done
	echo 0 >"$dev/shmem"
fi
holder=$first
works "list -v: as JSON" list -vJ -d "$DAX"
check "list -v: the process" is ".[0].users[0].pid == $holder"
check "list: whose node it is, and what it has counted" is '.[0] | .node_owner == "anondax" and .counters.alloc_dax >= 8192 and .counters.fault_sigbus == 0 and .counters.refused_knob > 0 and .counters.refused_cpuset > 0'
works "list -v: as text" list -v -d "$DAX"
check "list -v: counters" says out "node $PNODE of anondax: alloc_dax "
check "list -v: none that is 0" eval '! says out fault_sigbus >/dev/null'
check "nobody: list -v" as_nobody list -v -d "$DAX"
check "nobody: sees the counters" says out "node $PNODE of anondax: alloc_dax "
works "list: of what is no node" list -J -N 0
check "list: no counters" is 'all(has("counters") | not)'
check "nobody: who" as_nobody who "$PNODE"
check "nobody: it says that it does not see all" says out "root sees all"

note "cdi"
works "cdi" cdi
check "cdi: the device, and who may open it" is ".kind == \"private-nodes/dax\" and (.devices | length == 1) and (.devices[0] | .name == \"$DAX\" and (.containerEdits.deviceNodes | length == 1) and (.containerEdits.deviceNodes[0] | .path == \"$file\" and .fileMode == 432 and .uid == 0 and .gid == 65534 and .permissions == \"rw\"))"
cp "$tmp/out" "$tmp/cdi.seen"
works "cdi: to a file, in a directory that is made" cdi "$DAX" -o "$tmp/cdi/nodes.json"
cmp -s "$tmp/cdi.seen" "$tmp/cdi/nodes.json" && [ "$(stat -c %a "$tmp/cdi/nodes.json")" = 644 ]
result $? "cdi: the same, for all to read"
refused 2 "cdi: twice the same device" cdi "$DAX" "$DAX"
refused 1 "cdi: to where nothing can be" cdi -o /sys/kernel/nodes.json
check "nobody: cdi" as_nobody cdi
as_nobody cdi -o "$tmp/cdi/nodes.json"
[ $? = 5 ] && two_lines cdi && cmp -s "$tmp/cdi.seen" "$tmp/cdi/nodes.json"
result $? "nobody: cdi into root's directory is refused"
# What reads the file at any moment finds all of it: also if it could not be replaced.
for call in write fchmod fsync rename; do
	strace -qqq -o "$tmp/trace" -e "trace=$call" -e "inject=$call:error=ENOSPC:when=1" "$pnctl" cdi -o "$tmp/cdi/nodes.json" >"$tmp/out" 2>"$tmp/err"
	[ $? = 1 ] && two_lines cdi && cmp -s "$tmp/cdi.seen" "$tmp/cdi/nodes.json" && [ "$(ls -A "$tmp/cdi")" = nodes.json ]
	result $? "cdi: $call fails, the file is as it was, and nothing is left beside it"
done

for _ in 1 2; do
	# Not that the shell says who was killed.
	bash -c '"$@"; true' - strace -qqq -o "$tmp/trace" -e trace=rename -e inject=rename:signal=KILL "$pnctl" cdi -o "$tmp/cdi/nodes.json" >/dev/null 2>&1
done
[ "$(find "$tmp/cdi" -type f | wc -l)" = 2 ]
result $? "cdi: killed twice, it leaves one file"
works "cdi: after that" cdi -o "$tmp/cdi/nodes.json"
cmp -s "$tmp/cdi.seen" "$tmp/cdi/nodes.json" && [ "$(ls -A "$tmp/cdi")" = nodes.json ]
result $? "cdi: that is gone"

note "watch"
works "watch: a line each time" watch -i 0.2 -c 2
check "watch: two of them, the node private" bash -c "[ \$(grep -c 'node$PNODE\\* used=[0-9]*M free=[0-9]*M down=[0-9.]* up=[0-9.]* in=0.0 out=0.0 refused=0.0' '$tmp/out') = 2 ]"
check "watch: nothing of that for an ordinary one" bash -c "! grep -q 'node0 used=[^ ]* free=[^ ]* down=[^ ]* up=[^ ]* in=' '$tmp/out'"
coproc WATCHED { exec "$pnctl" watch -i 0.2; }
watched=$WATCHED_PID
read -r -t 20 _ <&"${WATCHED[0]}"
echo 1 >"$dev/madvise"
echo 1 >"$dev/madvise"
echo 0 >"$dev/madvise"
for ((i = 0; i < 30; i++)); do read -r -t 20 line && echo "$line"; done <&"${WATCHED[0]}" >"$tmp/out"
kill "$watched" && wait "$watched"
[ "$(grep -c "^[0-9:]*  $DAX: madvise=1$" "$tmp/out") $(grep -c ': madvise=0$' "$tmp/out") $(grep -c madvise "$tmp/out")" = "1 1 2" ]
result $? "watch: knobs that are turned, once each"
# Somebody asks for more than there is left.
"$pnctl" watch -i 1 >"$tmp/watched" &
one=$!
until [ -s "$tmp/watched" ]; do sleep 0.1; done
sigbus() { "$pnctl" list -J -d "$DAX" | jq '.[0].counters.fault_sigbus'; }
was=$(sigbus)
"$pnctl" watch -i 0.2 >"$tmp/stopped" &
two=$!
until [ -s "$tmp/stopped" ]; do sleep 0.1; done
kill -STOP $two
"$pnctl" run -n "$PNODE" -- perl -e '$x = "x" x 300e6' 2>/dev/null
[ $? = 135 ]
result $? "watch: a program that needs more than there is gets SIGBUS"
sleep 1
kill -CONT $two
faults=$(($(sigbus) - was))
for _ in {1..100}; do
	rate=$(grep -o 'refused=[0-9.]*[1-9][0-9.]*' "$tmp/stopped") && break
	sleep 0.1
done
kill $two && wait $two
# One each second at most, and some rounding; by the interval it would be five times as many.
check "watch: a rate is by the time that has passed" awk -v "r=${rate#*=}" -v "n=$faults" 'BEGIN { exit !(r > 0 && r <= n + 0.1) }'
for _ in {1..100}; do
	! grep -q 'refused=[0-9.]*[1-9]' "$tmp/watched" || break
	sleep 0.1
done
kill $one && wait $one
check "watch: faults that are refused" grep -q 'refused=[0-9.]*[1-9]' "$tmp/watched"
pn list -J -d "$DAX"
check "list: they are counted" is '.[0].counters | .fault_sigbus > 0 and .refused_full >= .fault_sigbus'
LC_ALL=C.UTF-8 TERM=vt100 script -qc "$pnctl watch -i 0.2 -c 2" /dev/null </dev/null >"$tmp/out" 2>&1
grep -q private "$tmp/out" && grep -q '█' "$tmp/out" && [ "$(tail -c 8 "$tmp/out")" = $'\e[?1049l' ]
result $? "watch: a screen, and the one before comes back"
# screen: the last one of them, without escape sequences
screen() { perl -0777 -ne 's/.*\e\[H//s; s/\e\[\??[0-9]*[A-Za-z]//g; tr/\r//d; print' "$tmp/out"; }
LC_ALL=C TERM=vt100 script -qc "stty rows 6 cols 40; $pnctl watch -i 0.2 -c 2" /dev/null </dev/null >"$tmp/out" 2>&1
screen | awk 'length > 40 { bad = 1 } END { exit bad || NR != 6 }' && screen | grep -q '^NODE'
result $? "watch: nothing wraps or scrolls on a small screen"
! grep -qP '[^H]\e\[K' "$tmp/out"
result $? "watch: what is in the last column stays"
screen | grep -qE 'private +[#.]{7} ' && ! grep -qP '[^\x00-\x7f]' "$tmp/out"
result $? "watch: ASCII where the locale has no more"
LC_ALL=C TERM=vt100 script -qc "stty rows 24 cols 100; $pnctl watch -i 0.2 -c 15 & until stty cols 30; do :; done; wait" /dev/null </dev/null >"$tmp/out" 2>&1
screen | awk 'length > 30 { bad = 1 } END { exit bad || NR < 8 }'
result $? "watch: the window is made smaller"
for term in dumb ''; do
	TERM=$term script -qc "$pnctl watch -i 0.2 -c 1" /dev/null </dev/null >"$tmp/out" 2>&1
	grep -q "node$PNODE\* used=" "$tmp/out" && ! grep -q $'\e' "$tmp/out"
	result $? "watch: lines where TERM is '$term'"
done

note "destroy"
works "destroy: with memory in use, which moves" destroy "$DAX"
check "destroy: device_dax has it, for root only" has device_dax 0:0 600
check "destroy: says who still has the file" says err "process $holder (hold)"
check "destroy: the node is gone" eval '! private'
refused 4 "create: of a device that somebody has open" create "$DAX"
check "create: says who" says err "process $holder (hold)"
let_go
works "destroy: again" destroy "$DAX"
refused 1 "destroy: to another driver, of what is no node" destroy "$DAX" --to kmem
refused 1 "set: of what is no node" set "$DAX" mbind=on
works "create: from device_dax" create "$DAX" --set mbind=on
# What is in a pipe cannot be moved.
holding "$pnctl" run -n "$PNODE" perl -e 'pipe(R, W); $b = "x" x 65536; $iov = pack("pQ", $b, 65536);
	syscall(278, fileno(W), $iov, 1, 0) > 0 or die; $| = 1; print "holding\n"; sleep'
refused 4 "destroy: a page in a pipe" destroy "$DAX"
check "destroy: says whose" says err "process $holder (perl)"
check "destroy: says what the kernel says" says err "cannot be moved"
let_go
# Nor what the kernel has promised to leave where it is.
works "destroy: and create again" destroy "$DAX"
works "create: where pins may be" create "$DAX" --mode kernel --set mbind=on,ltpin=on
holding "$pnctl" run -n "$PNODE" perl -e '$p = "\0" x 120; $r = syscall(425, 4, $p); $b = "x" x 65536; $iov = pack("pQ", $b, 65536);
	$r > 0 && syscall(427, $r, 0, $iov, 1) == 0 or die; $| = 1; print "holding\n"; sleep'
refused 4 "destroy: a page that is pinned" destroy "$DAX"
check "destroy: says so" says err "pinned"
check "destroy: says what to do about pins" says err "end what does I/O on it"
let_go
works "destroy: without the pin" destroy "$DAX"
works "create: for the next" create "$DAX" --set mbind=on
# Nor what has no room in ordinary memory.
mkdir "$tmp/fs"
mount -t tmpfs -o size=100% none "$tmp/fs"
holding "$hold" "$file" 192
while read -r key kib _; do [ "$key" = MemAvailable: ] && break; done </proc/meminfo
head -c "$((kib / 1024 - 96))M" /dev/zero >"$tmp/fs/fill"
refused 4 "destroy: no room in ordinary memory" destroy "$DAX"
check "destroy: says so" says err "room for"
check "destroy: says what to do" says err "add swap"
umount "$tmp/fs"
works "destroy: with room, to none" destroy "$DAX" --to none
check "destroy: nobody has it" has none 0:0 600
let_go

note "watch: what moves"
works "create: slower than DRAM" create "$DAX" --adistance 800 --set demotion=on,numa_balance=on
balancing=/sys/kernel/debug/sched/numa_balancing
mkdir $cgroup/watched
echo 1 >/sys/kernel/mm/numa/demotion_enabled
holding bash -c 'echo $$ >"$1" && exec taskset -c 0 perl -e "vec(\$x, 32e6, 8) = 1; \$| = 1; print qq(holding\n); 1 while \$x =~ tr/\1//"' - $cgroup/watched/cgroup.procs
"$pnctl" watch -i 0.5 >"$tmp/watched" &
one=$!
# moves NAME REGEX: it is seen, sooner or later. The cgroup is asked to give up memory each time if $push is set.
moves() {
	local i
	for ((i = 0; i < 200; i++)); do
		! grep -qE "$2" "$tmp/watched" || break
		[ -z "${push:-}" ] || echo 4M >$cgroup/watched/memory.reclaim
		sleep 0.1
	done 2>/dev/null
	[ "$i" -lt 200 ] || ! tail -n 3 "$tmp/watched" | sed 's/^/# /'
	result $? "watch: $1"
}
some='[0-9.]*[1-9][0-9.]*'
push=1 moves "what is demoted, from a node and to a private one" "node0 [^*]* down=$some .*node$PNODE\* [^*]* in=$some"
check "watch: nothing is promoted" eval "! grep -qE 'node$PNODE\\* [^*]* out=$some' '$tmp/watched'"
for knob in scan_delay_ms=50 scan_period_min_ms=50 scan_period_max_ms=100 hot_threshold_ms=60000; do
	echo "${knob#*=}" >$balancing/"${knob%=*}"
done
# No page comes to a node that is at its high watermark, be it with old page cache.
echo 1 >/proc/sys/vm/drop_caches
echo 2 >/proc/sys/kernel/numa_balancing
moves "what NUMA balancing takes off it, and where to" "node0 [^*]* up=$some .*node$PNODE\* [^*]* out=$some"
kill $one && wait $one
let_go
echo 0 >/proc/sys/kernel/numa_balancing
echo 0 >/sys/kernel/mm/numa/demotion_enabled
rmdir $cgroup/watched
works "destroy: slower than DRAM" destroy "$DAX" --to none

note "kmem"
echo online_movable >/sys/devices/system/memory/auto_online_blocks
works "create: from no driver, mode kernel" create "$DAX" --mode kernel
check "create: online_kernel" has hotplug=online_kernel
works "destroy: to kmem" destroy "$DAX" --to kmem
check "destroy: kmem has it, and it is ordinary memory" eval 'has kmem && ordinary'
works "check: of what kmem has" check --config-dir "$conf"
check "check: says so" says out "kmem has $DAX: it is ordinary memory of node $PNODE"
# Whose probe has not come to its end yet: there is no file.
strace -qqq -o "$tmp/trace" -P "$dev/state" -e trace=openat -e inject=openat:error=ENOENT:when=1..3 "$pnctl" create "$DAX" --mode auto >"$tmp/out" 2>"$tmp/err" &&
	[ "$(driver)" = anondax ] && grep -q INJECTED "$tmp/trace"
result $? "create: from kmem, which is just taking it"
pn destroy "$DAX" --to kmem
works "create: from kmem" create "$DAX" --mode auto
check "create: the node is private" private
works "destroy: to none again" destroy "$DAX" --to none

note "save and restore"
works "restore: what create had saved" restore --config-dir "$conf"
check "restore: all is as it was saved" has "${wanted[@]}"
was=$(state)
works "restore: again" restore --config-dir "$conf"
says out "as it was" && [ "$(state)" = "$was" ]
result $? "restore: nothing changes"
saved=$(echo "$conf"/*.conf)
cp "$saved" "$tmp/saved"
works "save: the same" save --config-dir "$conf"
cmp -s "$saved" "$tmp/saved"
result $? "save: it is what create --save had written"
works "restore: of a device that is not saved" restore -d dax99.0 --config-dir "$conf"
mv "$saved" "$conf/mine.conf"
works "save: to a file with another name" save "$DAX" --config-dir "$conf"
check "save: there is one still" eval '[ "$(echo "$conf"/*)" = "$conf/mine.conf" ]'
works "set: something else" set "$DAX" mbind=off
works "restore: by name" restore mine --config-dir "$conf"
check "restore: what was changed" has "${wanted[@]}"
works "restore: the name for udev" restore --udev "$DAX" --config-dir "$conf"
check "restore: it is that of the file" says out PRIVATE_NODE=mine
refused 3 "destroy: what is not saved" destroy --saved other --to none --config-dir "$conf"
works "destroy: what is saved" destroy --saved mine --to none --config-dir "$conf"
check "destroy: it is gone" has none
# The name says nothing, the addresses do.
sed "s/^name = .*/name = dax99.9/" "$tmp/saved" >"$conf/mine.conf"
works "restore: a device that has another name now" restore --config-dir "$conf"
check "restore: it is the one" has "${wanted[@]}"
works "destroy" destroy "$DAX" --to none
sed 's/^ranges = .*/ranges = 0x1000000-0x1ffffff/' "$tmp/saved" >"$conf/mine.conf"
refused 3 "restore: other addresses under the same name" restore --config-dir "$conf"
check "restore: says which did not come" says err "0x1000000-0x1ffffff"
works "destroy: what is saved, and not there" destroy --saved mine --config-dir "$conf"
check "destroy: nothing was done" has none
pn check --config-dir "$conf"
[ $? = 3 ]
result $? "check: what is saved is not there"
cp "$tmp/saved" "$conf/other.conf"
pn restore --config-dir "$conf"
[ $? = 3 ] && has "${wanted[@]}"
result $? "restore: what came, and says what did not"
works "destroy" destroy "$DAX" --to none --config-dir "$conf" --forget
check "destroy --forget: its file is gone, the other is not" eval '[ "$(echo "$conf"/*)" = "$conf/mine.conf" ]'
works "destroy --forget: what is saved, and has gone for good" destroy --saved mine --forget --config-dir "$conf"
check "destroy --forget: its file is gone" eval '[ -z "$(ls "$conf")" ]'
# The name that it would have itself.
sed 's/^ranges = .*/ranges = 0x1000000-0x1ffffff/' "$tmp/saved" >"$conf/${saved##*/}"
refused 2 "create: its file's name is another one's" create "$DAX" --save --config-dir "$conf"
check "create: says whose it is not" says err "${saved##*/} is for another device"
rm "$conf/${saved##*/}"
# Where files cannot be removed
works "create, saved" create "$DAX" --save --config-dir "$conf"
mount --bind "$conf" "$conf" && mount -o remount,bind,ro "$conf"
refused 1 "destroy --forget: the directory is read-only" destroy "$DAX" --to none --forget --config-dir "$conf"
check "destroy: says that" says err "Read-only file system"
umount "$conf"
works "destroy: a saved one that others have" destroy "$DAX" --config-dir "$conf"
check "destroy: it is that" has device_dax
works "destroy: which is not there to be destroyed" destroy --saved "$(basename "${saved##*/}" .conf)" --to none --config-dir "$conf"
check "destroy: they still have it" has device_dax
# A file for containers that is left, among others that are nothing of the kind
works "create" create "$DAX"
works "cdi" cdi -o /etc/cdi/node.json
for odd in '{"devices":[1,{"containerEdits":2},{"containerEdits":{"deviceNodes":[3,{"path":null},{"path":4}]}}]}' '[]' junk ''; do
	echo "$odd" >"/etc/cdi/odd${#odd}.json"
done
mkfifo /etc/cdi/fifo.json
echo "{\"devices\":[{\"containerEdits\":{\"deviceNodes\":[{\"path\":\"/dev/x\",\"hostPath\":\"$file\"}]}}]}" >/etc/cdi/host.json
echo "{\"containerEdits\":{\"deviceNodes\":[{\"path\":\"$file\"}]},\"devices\":[]}" >/etc/cdi/top.json
works "destroy: to nobody, while containers may have it" destroy "$DAX" --to none
check "destroy: says nothing of them" eval '[ ! -s "$tmp/err" ]'
works "create" create "$DAX"
works "destroy: while containers may have it" destroy "$DAX" --to device_dax
check "destroy: says who gives it to them" says err "/etc/cdi/node.json gives $file to containers"
check "destroy: under another name in them" says err "/etc/cdi/host.json gives $file to containers"
check "destroy: with each of its devices" says err "/etc/cdi/top.json gives $file to containers"
check "destroy: nobody else does" eval '[ "$(grep -c . "$tmp/err")" = 3 ]'
rm -r /etc/cdi
works "create" create "$DAX"
works "destroy: while they may not" destroy "$DAX"
check "destroy: says nothing" eval '[ ! -s "$tmp/err" ]'
works "create" create "$DAX"
works "destroy: forgotten" destroy "$DAX" --to none --forget --config-dir "$conf"
check "destroy: its file is gone" eval '[ -z "$(ls "$conf")" ]'

# What people write by hand: it is the address that counts, not how it is written.
by_hand() {
	sed -E "s/^ranges = 0x(.*)-0x(.*)/ranges = $2/" "$tmp/saved" >"$conf/mine.conf"
	works "restore: addresses $1" restore mine --config-dir "$conf"
}
by_hand "in capitals" '0X\U\1-0x\2'
by_hand "with zeros before them" '0x000\1-0x0\2'
by_hand "without 0x" '\1-\2'
works "save: over them" save --config-dir "$conf"
check "save: as it writes them itself" cmp -s "$conf/mine.conf" "$tmp/saved"
works "restore: that device" restore -d "$DAX" --config-dir "$conf"
check "restore: it is" says out "$DAX: node $PNODE"
works "destroy" destroy "$DAX" --to none
works "restore: that device, which is none yet" restore -d "$DAX" --config-dir "$conf"
check "restore: it is now" has "${wanted[@]}"
works "destroy" destroy "$DAX" --to none
sed "s/^ranges/serials = 0x1\n&/" "$tmp/saved" >"$conf/mine.conf"
refused 3 "restore: the addresses are right, the serial number is not" restore --config-dir "$conf"
sed "s/^ranges/uuid = 01234567-89ab-cdef-0123-456789abcdef\n&/" "$tmp/saved" >"$conf/mine.conf"
refused 3 "restore: the addresses are right, the uuid is not" restore --config-dir "$conf"

# An NVDIMM, too, may be known by its addresses; but its uuid tells more.
nvdimm=$(basename "$(find /sys/bus/nd/devices/*/ -maxdepth 2 -name 'dax[0-9]*.[0-9]*' 2>/dev/null | head -n 1)")
if [ -n "$nvdimm" ]; then
	rm "$conf"/*
	pn create "$nvdimm" --save --config-dir "$conf" && pn destroy "$nvdimm" --to none
	mv "$conf"/uuid-*.conf "$tmp/nvdimm"
	grep -v ^uuid "$tmp/nvdimm" >"$conf/hand.conf"
	works "restore: an NVDIMM by its addresses" restore hand --config-dir "$conf"
	check "restore: it is that" says out "$nvdimm: node ${DAX_NODES##* }"
	works "restore: its name for udev" restore --udev "$nvdimm" --config-dir "$conf"
	check "restore: it is that of the file by hand" says out PRIVATE_NODE=hand
	cp "$tmp/nvdimm" "$conf/uuid.conf"
	works "restore: its name for udev, of two files" restore --udev "$nvdimm" --config-dir "$conf"
	check "restore: it is that of the file with its uuid" says out PRIVATE_NODE=uuid
	refused 3 "restore: not by the other" restore hand --config-dir "$conf"
	check "restore: says whose it is" says err "hand: $nvdimm is that of uuid"
	rm "$conf"/*
	# The first is interrupted: the second does not begin.
	cp "$tmp/saved" "$conf/aa.conf"
	cp "$tmp/nvdimm" "$conf/bb.conf"
	works "destroy" destroy "$nvdimm" --to none
	strace -qqq -o "$tmp/trace" -e trace=write -e inject=write:signal=TERM:when=4 "$pnctl" restore --wait 20 --config-dir "$conf" >"$tmp/out" 2>"$tmp/err"
	[ $? = 1 ] && has none && [ ! -e "$bus/devices/$nvdimm/driver" ] && says err "1 of the saved nodes not created"
	result $? "restore: SIGTERM ends it, at the first of two"
	pn destroy "$nvdimm"
fi

# waited LEAST MOST: so long took the last one, in seconds
since() { began=${EPOCHREALTIME/[^0-9]/}; }
waited() {
	local us=$((${EPOCHREALTIME/[^0-9]/} - began))
	[[ $us -ge $(($1 * 1000000)) && $us -lt $(($2 * 1000000)) ]] || wrong "it took $us us"
}
rm "$conf"/*
cp "$tmp/saved" "$conf/fast.conf"
size=$(<"$dev/size")
echo 0 >"$dev/size"
refused 3 "restore: a device that has gone" restore --config-dir "$conf"
since
{ sleep 1 && echo "$size" >"$dev/size"; } &
works "restore: it comes while it is waited for" restore --wait 20 --config-dir "$conf"
check "restore: all is as it was saved" has "${wanted[@]}"
check "restore: no longer than it took" waited 1 15
wait $!
sed 's/^ranges = .*/ranges = 0x1000-0x1fff/' "$tmp/saved" >"$conf/late.conf"
since
pn restore --wait 2 --config-dir "$conf"
[ $? = 3 ] && two_lines restore && says err "late: no dax device" && waited 2 10
result $? "restore: waits for what does not come, and says so once"
# What fails does not end it, nor is it said every time.
sed -i 's/^mode = .*/mode = kernel/' "$conf/fast.conf"
since
pn restore --wait 2 --config-dir "$conf"
[ $? = 4 ] && [ "$(wc -l <"$tmp/err")" = 4 ] && says err "$DAX is node $PNODE already" && says err "late: no dax device" && waited 2 10
result $? "restore: one fails, one does not come"
cp "$tmp/saved" "$conf/fast.conf"
# interrupted SIGNAL SECONDS: while it waits so long for the second
interrupted() {
	"$pnctl" restore --wait "$2" --config-dir "$conf" >"$tmp/out" 2>"$tmp/err" &
	one=$!
	sleep 1.5
	kill "-$1" $one
	wait $one
}
since
interrupted TERM 20
[ $? = 1 ] && two_lines restore && says err "interrupted" && waited 1 15
result $? "restore: SIGTERM while it waits"
flock /run/pnctl.lock sleep 20 &
other_one=$!
until ! flock -n /run/pnctl.lock true; do sleep 0.1; done
interrupted TERM 20
[ $? = 1 ] && two_lines restore && says err "interrupted while another pnctl"
result $? "restore: SIGTERM while another pnctl is at work"
kill $other_one && wait $other_one 2>/dev/null
trap '' HUP
interrupted HUP 3
[ $? = 3 ] && two_lines restore && says err "late: no dax device"
result $? "restore: SIGHUP, which it was told to ignore"
trap - HUP
works "destroy" destroy "$DAX" --to none
# Not what time can bring.
rm "$conf/late.conf"
mkdir "$tmp/empty"
rmmod anondax
since
unshare -m sh -c 'mount --bind "$0" "/lib/modules/$(uname -r)" && exec "$@"' "$tmp/empty" "$pnctl" restore --wait 20 --config-dir "$conf" >"$tmp/out" 2>"$tmp/err"
[ $? = 3 ] && two_lines restore && says err "cannot be loaded" && waited 0 15
result $? "restore: does not wait for a module"

note "restore and save, killed"
# again CALL: restore is killed at each of them, and done once more
again() {
	local n rc
	for ((n = 1; n < 40; n++)); do
		exec 3>&2 2>/dev/null
		strace -qqq -o "$tmp/trace" -e "trace=$1" -e "inject=$1:signal=KILL:when=$n" "$pnctl" "${@:2}" >/dev/null
		rc=$?
		exec 2>&3 3>&-
		[ $rc != 0 ] || break
		pn "${@:2}" && has "${wanted[@]}" && cmp -s "$conf/fast.conf" "$tmp/saved" && [ "$(ls -A "$conf")" = fast.conf ]
		result $? "$2 killed at $1 $n: it goes on"
		[ "$2" = save ] || pn destroy "$DAX" --to none
	done
	[ $n -gt 1 ] && [ $rc = 0 ]
	result $? "$2: there was a $1 to be killed at"
}
again write restore --config-dir "$conf"
again write save --config-dir "$conf"
again rename save --config-dir "$conf"

note "save: what is in its way"
sed 's/^mbind = .*/mbind = onn/' "$tmp/saved" >"$conf/fast.conf"
for name in fast "$(basename "$saved" .conf)"; do
	mv "$conf"/*.conf "$tmp/moved" && mv "$tmp/moved" "$conf/$name.conf"
	was=$(state)
	pn save --config-dir "$conf"
	[ $? = 2 ] && says err "mbind = onn" && says err "$name.conf is for that device" && [ "$(state)" = "$was" ]
	result $? "save: a file with a typo, called $name, stays"
done
rm "$conf"/*
# As good as those of a directory service
echo 'a;b #c:x:4242:' >>/etc/group
works "create: a group with an odd name" create "$DAX" --group 4242 --save --config-dir "$conf"
works "restore: that group" restore --config-dir "$conf"
check "restore: it is" has 0:4242
long=$tmp/$(printf '%0*d' 240 0)
works "save: in a directory with a long name" save --config-dir "$long"
check "save: it is there" cmp -s "$long/${saved##*/}" "$conf/${saved##*/}"
works "restore: from there" restore --config-dir "$long"
works "destroy: from there" destroy "$DAX" --to none --forget --config-dir "$long"
check "destroy: it is gone" eval '[ ! -e "$long/${saved##*/}" ]'
rm "$conf"/*
# Unplugged after it was looked at: the directory is read in between.
pn "${create[@]}" --config-dir "$tmp/other"
strace -qqq -o "$tmp/trace" -P "$conf" -e trace=openat -e inject=openat:delay_enter=5000000:when=1 "$pnctl" save "$DAX" --config-dir "$conf" >"$tmp/out" 2>"$tmp/err" &
one=$!
# Until it stands still: at other calls it is stopped as well, and goes on at once.
for ((still = 0; still < 10; )); do
	sleep 0.1
	kill -0 $one 2>/dev/null || break
	grep -qs '^State:.*tracing stop' "/proc/$(pgrep -P $one -x pnctl)/status" && still=$((still + 1)) || still=0
done
echo unplugged >"$dev/hotplug"
wait $one
[ $? = 1 ] && two_lines save && says err "is no private node any more" && [ -z "$(ls -A "$conf")" ]
result $? "save: what is unplugged meanwhile"
works "destroy" destroy "$DAX" --to none
strace -qqq -o "$tmp/trace" -e trace=write -e inject=write:error=EIO:when=2 "$pnctl" create "$DAX" --save --config-dir "$tmp/none" >"$tmp/out" 2>"$tmp/err"
[ $? = 1 ] && [ ! -e "$tmp/none" ] && has none
result $? "create --save: a directory that was not there is not there if it fails"
"$pnctl" create "$DAX" >&- 2>"$tmp/err" && "$pnctl" set "$DAX" ltpin=on demotion=on 2>&- >"$tmp/out" && [ ! -s /run/pnctl.lock ] && has ltpin=1
result $? "what nobody wants to read is not written into the next file"
works "destroy" destroy "$DAX" --to none

note "files that are wrong"
bad=0
while read -r -a lines; do
	bad=$((bad + 1))
	# Where there is a +, it is a line after the file that was saved.
	if [ "${lines[0]}" = + ]; then
		cp "$tmp/saved" "$conf/bad.conf"
		printf '%s\n' "${lines[@]:1}" >>"$conf/bad.conf"
	else
		printf '%s\n' "${lines[@]}" >"$conf/bad.conf"
	fi
	refused 2 "restore: a wrong file: ${lines[*]}" restore --config-dir "$conf"
done <<-'END'
	junk
	[device
	[device] ranges=0x0
	[device] ranges=x-y
	[device] ranges=0x2000-0x1000
	[device] ranges=-1-5
	[device] uuid=none
	[device] serials=0x1
	[node] mode=movable
	+ mbind=maybe
	+ mbind
	+ frob=on
	+ mode=sideways
	+ adistance=0
	+ perm=0777
	+ owner=no-such-user
	+ group=no-such-group
	+ [frob]
	+ []
	+ [node:mbind]
	+ [device:uuid]
	[device] ranges=0x1000-0x1fff [node:mbind]
	[device] ranges=0x1000-0x1fff [device:uuid]
	[device] ranges=0x1000-0x1fff [node:zz]
	mbind=on [device] ranges=0x1000-0x1fff
	frob=on [device] ranges=0x1000-0x1fff
	[device] ranges=0x1000-0x1fff ranges=0x1000-0x1fff
	[device] ranges=0x1000-0x1fff [node] mbind=on mbind=on
	[device] ranges=0x1000-0x1fff [node] mode=movable [node] mode=kernel
	+ [default]
	+ MBIND=on
	+ reclaim=on;
END
printf '[device]\nranges = 0x1000-0x1fff\n[node]\nmbind = on\0off\n' >"$conf/bad.conf"
refused 2 "restore: a file with a NUL" restore --config-dir "$conf"
rm "$conf/bad.conf"
for name in "my node" -q "$(printf '%0128d' 0)" $'new\nline'; do
	cp "$tmp/saved" "$conf/$name.conf"
	refused 2 "restore: no unit can have the name ${name@Q}" restore --config-dir "$conf"
	check "restore: says that" says err "no unit can have that name"
	rm -- "$conf/$name.conf"
done
# What may be written, on the other hand
sed 's/^\[node\]/# what it is like\n[node]/; s/^mbind = .*/; for redis\n  mbind=on\r/' "$tmp/saved" >"$conf/good.conf"
works "restore: comments and blanks" restore --config-dir "$conf"
check "restore: all is as it was saved" has "${wanted[@]}"
works "destroy" destroy "$DAX" --to none
rm "$conf/good.conf"
tr -d '\0' </dev/urandom | head -c 4096 >"$conf/bad.conf"
refused 2 "restore: a file of noise" restore --config-dir "$conf"
rm "$conf/bad.conf" && mkdir "$conf/bad.conf"
refused 2 "restore: a directory" restore --config-dir "$conf"
rmdir "$conf/bad.conf"
cp "$tmp/saved" "$conf/good.conf"
echo junk >"$conf/bad.conf"
pn restore --config-dir "$conf"
[ $? = 2 ] && has "${wanted[@]}"
result $? "restore: a wrong file does not keep back the others"
# Nor is it the fault of who asks for one of them.
works "restore: by name, beside a wrong file" restore good --config-dir "$conf"
check "restore: the wrong one is said" says err "bad.conf: Error (5) on line 1"
works "restore: for udev, beside a wrong file" restore --udev "$DAX" --config-dir "$conf"
check "restore: it is that of the right one" says out PRIVATE_NODE=good
works "restore: by device, beside a wrong file" restore -d "$DAX" --config-dir "$conf"
refused 2 "restore: the wrong one itself" restore bad --config-dir "$conf"
pn restore other --config-dir "$conf"
[ $? = 3 ] && says err "there is no $conf/other.conf"
result $? "restore: one that is not there, beside a wrong one"
refused 2 "destroy: what is saved, in a wrong file" destroy --saved bad --to none --config-dir "$conf"
# Whose own file has a typo kmem is not to have either.
rm "$conf/good.conf"
for typo in 's/^mbind = .*/mbind = onn/' 's/^mbind = .*/mbind/' 's/^mbind = .*/&\n&/' 's/^ranges/nam = x\n&/' 's/^\[device\]/[node]\nmode = off\n&/' 's/^group = .*/group = devmem/'; do
	sed "$typo" "$tmp/saved" >"$conf/bad.conf"
	works "restore: for udev, a file with a typo: $typo" restore --udev "$DAX" --config-dir "$conf"
	check "restore: it is that, and says what is wrong" eval 'says out PRIVATE_NODE=bad && says err bad.conf'
	refused 2 "restore: that device" restore -d "$DAX" --config-dir "$conf"
done
check "restore: a group that is not there, and what creates it" says err "'groupadd --system devmem'"
cp "$conf/bad.conf" "$conf/worse.conf"
works "restore: for udev, two files with a typo" restore --udev "$DAX" --config-dir "$conf"
check "restore: it is one of them" says out PRIVATE_NODE=bad
rm "$conf/worse.conf"
sed 's/^ranges = .*/ranges = 0x1000-0x1fff/' "$tmp/saved" >"$conf/late.conf"
pn restore --config-dir "$conf"
[ $? = 2 ] && says err "late: no dax device"
result $? "restore: one is wrong, one does not come"
rm "$conf/late.conf"
pn create "$DAX"
was=$(state)
pn destroy "$DAX" --to none --forget --config-dir "$conf"
[ $? = 2 ] && [ "$(state)" = "$was" ] && says err "bad.conf is for that device, and wrong"
result $? "destroy: what is to be forgotten has a wrong file"
works "destroy: without that" destroy "$DAX" --to none --config-dir "$conf"
sed 's/^mbind = .*/mbind = onn/' "$tmp/saved" >"$conf/bad.conf"
mv "$conf/bad.conf" "$conf/bad name.conf"
works "restore: for udev, what no unit can be called" restore --udev "$DAX" --config-dir "$conf"
check "restore: it is not" eval '! says out PRIVATE_NODE >/dev/null'
rm "$conf"/*
works "destroy" destroy "$DAX" --to none

# with_fault CALL HOW NUMBER ARGUMENTS...: the NUMBERth CALL of pnctl meets with HOW
with_fault() {
	# Not that the shell says who was killed.
	exec 3>&2 2>/dev/null
	strace -qqq -o "$tmp/trace" -e "trace=$1" -e "inject=$1:$2:when=$3" "$pnctl" "${@:4}" >"$tmp/out" 2>"$tmp/err"
	local rc=$?
	exec 2>&3 3>&-
	return $rc
}
# Until there is no NUMBERth call.
most=40

note "create: a step fails, and all that came before it is undone"
create=(create "$DAX" --set "mbind=on,ltpin=on" --adistance 300 --group 65534 --perm 0660 -q --save --config-dir "$conf")
clean=$(state)
undone() {
	local call=$1 how=$2 n rc
	rmmod anondax
	for ((n = 1; n < most; n++)); do
		with_fault "$call" "$how" $n "${create[@]}"
		rc=$?
		[ $rc != 0 ] || break
		[ "$(state)" = "$clean" ] && [ ! -d $bus/drivers/anondax ]
		rc=$?
		[ $rc = 0 ] || { note "$(state)" && show; }
		result $rc "$call $n: $how is undone"
		[ $rc = 0 ] || pn destroy "$DAX" --to none
	done
	[ $n -gt 1 ] && [ $rc = 0 ] && has "${wanted[@]}"
	result $? "$call: after the last it works"
	pn destroy "$DAX" --to none --forget --config-dir "$conf"
}
undone write error=EIO
undone chmod error=EPERM
undone rename error=ENOSPC
undone fsync error=EIO
undone write signal=TERM
[ "$(state)" = "$clean" ]
result $? "nothing is left"

note "killed before any of its steps"
# Every other time create goes on from it, else destroy.
killed() {
	local call=$1 n rc go=0
	for ((n = 1; n < most; n++)); do
		with_fault "$call" signal=KILL $n "${@:2}"
		rc=$?
		[ $rc != 0 ] || break
		left=$(state)
		if [ $((go++ % 2)) = 0 ]; then
			pn "${create[@]}" && has "${wanted[@]}" && [ -e "$saved" ] && [ ! -e "$conf/.pnctl.tmp" ]
			rc=$?
			[ $rc = 0 ] || show
			result $rc "$2 killed at $call $n: create goes on"
			[ "$2" = destroy ] || pn destroy "$DAX" --to none --forget --config-dir "$conf"
		else
			pn destroy "$DAX" --to none --forget --config-dir "$conf" && [ "$(state)" = "$clean" ]
			rc=$?
			[ $rc = 0 ] || show
			result $rc "$2 killed at $call $n: destroy goes on"
			[ "$2" = create ] || pn "${create[@]}"
		fi
		[ $rc = 0 ] || note "it was $left, is $(state)"
	done
	[ $n -gt 1 ]
	result $? "$2: there was a $call to be killed at"
}
for call in write chmod rename; do
	killed $call "${create[@]}"
	pn destroy "$DAX" --to none --forget --config-dir "$conf"
done
for call in write chmod unlink; do
	pn "${create[@]}"
	killed $call destroy "$DAX" --to none --forget -q --config-dir "$conf"
done
pn destroy "$DAX" --to none --forget --config-dir "$conf"
[ "$(state)" = "$clean" ]
result $? "nothing is left of it"

# From kmem there are more of them; back there its memory is online again.
pn create "$DAX" && pn destroy "$DAX" --to kmem
was=$(state)
for ((n = 1; n < most; n++)); do
	with_fault write signal=KILL $n create "$DAX" -q
	rc=$?
	[ $rc != 0 ] || break
	left=$(state)
	pn destroy "$DAX" --to kmem && [ "$(state)" = "$was" ] && ordinary
	rc=$?
	[ $rc = 0 ] || { note "it was $left, is $(state)" && show; }
	result $rc "create from kmem killed at write $n: destroy leads back"
done
[ $n -gt 4 ] && private && pn destroy "$DAX" --to none && [ "$(state)" = "$clean" ]
result $? "create from kmem: after the last it works"

note "what others have left half done"
modprobe anondax
echo "$DAX" >$bus/drivers/anondax/new_id
echo 1 >"$dev/demotion"
works "create: bound, unplugged, a knob is on" "${create[@]}"
check "create: it is off" has "${wanted[@]}"
holding "$hold" "$file" 8
echo "$DAX" >$bus/drivers/anondax/unbind
check "unbound, its memory still there" eval 'has none && private'
# Each CPU has counted some of the pages for itself.
cat /proc/sys/vm/stat_refresh
works "list: what it has left" list -J -N "$PNODE"
check "list: the node is private, and how much of it is used" is 'length == 2 and (.[0].state == "disabled") and (.[1] | .private and .used >= 8388608 and (has("device") | not))'
works "list: as text" list -N "$PNODE"
check "list: the node has a line" grep -qE "^- +$PNODE +- +private " "$tmp/out"
pn check -J --config-dir "$conf"
[ $? = 1 ] && is ".[] | select(.ok | not) | (.finding | test(\"$DAX has lost its driver\")) and (.cure | test(\"pnctl create $DAX.*pnctl destroy $DAX\"))"
result $? "check: says so, and what to do"
as_nobody check --config-dir "$conf"
[ $? = 1 ] && says out "$DAX has lost its driver"
result $? "nobody: check says so, too"
refused 3 "run: nobody is let in" run -n "$PNODE" true
check "run: says why" says err "lost its driver"
works "create: makes it a node again" create "$DAX"
check "create: it is" has anondax hotplug=online_movable
echo "$DAX" >$bus/drivers/anondax/unbind
works "destroy: goes on" destroy "$DAX" --to none
check "destroy: all is gone" eval '! private && has none'
let_go

# Two devices of a node, from the one: each has what is its own.
region=$(cd -P "$dev/.." && pwd)
whole=$(<"$dev/size")
echo 0 >"$dev/size"
echo $((whole / 2)) >"$dev/size"
read -r before < <(cd "$region" && echo dax*)
echo 1 >"$region/dax_region/create"
second=
for name in $(cd "$region" && echo dax[0-9]*.*); do [[ " $before " = *" $name "* ]] || second=$name; done
refused 3 "create: a device of size 0" create "$second"
check "create: says so" says err "$second has size 0"
works "check: with it" check --config-dir "$tmp"
check "check: says so, too" says out "$second has size 0"
echo $((2 << 20)) >$bus/devices/"$second"/size
refused 1 "create: a device that is too small" create "$second"
check "create: says how small" says err "no memory block of 128 MiB is all in it"
echo 0 >$bus/devices/"$second"/size
echo $((whole / 2)) >$bus/devices/"$second"/size
works "create: the one" create "$DAX"
works "create: the other" create "$second"
holding "$hold" "$file" 160
echo "$DAX" >$bus/drivers/anondax/unbind
works "destroy: the one, whose memory is there still" destroy "$DAX" --to none
check "destroy: it is unplugged" says out "$DAX: unplugged"
let_go
works "create: the one again" create "$DAX"
holding "$hold" "$file" 160
echo "$DAX" >$bus/drivers/anondax/unbind
refused 4 "destroy: the other, to kmem" destroy "$second" --to kmem
check "destroy: says what is in the way" says err "'pnctl destroy $DAX --to none' first"
works "destroy: the other" destroy "$second" --to none
works "destroy: the other, again" destroy "$second" --to none
check "destroy: what is there is not its own" says out "$second: no driver has it already"
works "destroy: the one" destroy "$DAX" --to none
check "destroy: the node is gone" eval '! private'
let_go
read -r online </sys/devices/system/memory/auto_online_blocks
echo offline >/sys/devices/system/memory/auto_online_blocks
works "create: for kmem" create "$second"
works "destroy: to kmem, which leaves it offline" destroy "$second" --to kmem
pn check -J --config-dir "$conf"
check "check: it is not ordinary memory" is "any(.[]; .finding | test(\"kmem has $second, offline\"))"
refused 4 "create: a node of ordinary memory" create "$DAX"
check "create: says whose" says err "node $PNODE has ordinary memory, of $second"
works "create: as it says" create "$second"
works "destroy: as it says" destroy "$second" --to none
works "create: then it works" create "$DAX"
works "destroy: the last" destroy "$DAX" --to none
echo "$online" >/sys/devices/system/memory/auto_online_blocks
echo 0 >$bus/devices/"$second"/size
echo "$second" >"$region/dax_region/delete"
echo "$whole" >"$dev/size"

note "two at once"
"$pnctl" "${create[@]}" 2>/dev/null &
one=$!
pn "${create[@]}"
rc=$?
wait $one && [ $rc = 0 ] && has "${wanted[@]}"
result $? "create, twice at the same time"
works "destroy" destroy "$DAX" --to none --forget --config-dir "$conf"
# One that takes its time between two steps.
strace -qqq -o "$tmp/trace" -e trace=write -e inject=write:delay_enter=2000000:when=4 "$pnctl" "${create[@]}" 2>/dev/null &
one=$!
until [ "$(driver)" = anondax ]; do sleep 0.1; done
works "destroy: while it is being created" destroy "$DAX" --to none --forget --config-dir "$conf"
wait $one && [ "$(state)" = "$clean" ]
result $? "destroy has waited until it was"

# An NVDIMM is known by the uuid of its namespace.
nvdimm=$(basename "$(find /sys/bus/nd/devices/*/ -maxdepth 2 -name 'dax[0-9]*.[0-9]*' 2>/dev/null | head -n 1)")
if [ -n "$nvdimm" ]; then
	note "an NVDIMM"
	works "check" check
	# Larger than its memory blocks, by what lab/boot.sh says.
	check "check: what is cut off" says out "node ${DAX_NODES##* } private, with 256 MiB: 126 MiB at its ends"
	works "create: $nvdimm" create "$nvdimm" --set demotion=on --save --config-dir "$conf"
	check "create: known by its uuid" grep -q '^uuid = ' "$conf"/uuid-*.conf
	works "destroy" destroy "$nvdimm"
	sed -i 's/^ranges = .*/ranges = 0x1000-0x1fff/' "$conf"/uuid-*.conf
	works "restore: by its uuid, wherever it is now" restore --config-dir "$conf"
	works "list" list -J -d "$nvdimm"
	check "restore: it is" is '.[0] | .private and .knobs.demotion'
	holding "$hold" "/dev/$nvdimm" 8
	namespace=$(cd -P "$bus/devices/$nvdimm/../.." && pwd)
	until [ -e "$namespace/driver/unbind" ]; do namespace=${namespace%/*}; done
	driver=$(cd -P "$namespace/driver" && pwd)
	echo "${namespace##*/}" >"$driver/unbind"
	pn check -J --config-dir "$conf"
	[ $? = 1 ] && is "any(.[]; .ok == false and (.finding | test(\"node ${DAX_NODES##* } has memory, and its device is gone\")) and (.cure | test(\"pnctl destroy\")))"
	result $? "check: the device is gone, its memory is not"
	echo "${namespace##*/}" >"$driver/bind"
	let_go
	works "destroy" destroy "$nvdimm" --forget --config-dir "$conf"
	check "destroy: the memory is gone, too" eval '! in_list "${DAX_NODES##* }" /sys/devices/system/node/has_private_memory'
fi

rmdir $cgroup/denied $cgroup/granted

# The manager is one for a user, since the machine was not booted by systemd, and has to be
# told that it was.
note "units"
units() {
	local unit=/run/user/0/systemd/user manager i
	mkdir -p /run/systemd/system "$unit" /etc/private-nodes.d
	cp "$pnctl" /usr/local/bin/
	cp "$BUILD"/pnctl/systemd/* "$unit/"
	cp "$tmp/saved" /etc/private-nodes.d/fast.conf
	echo junk >/etc/private-nodes.d/bad.conf
	printf '%s\n' '[Unit]' 'DefaultDependencies=no' 'Requires=private-nodes@fast.service' 'After=private-nodes@fast.service' \
		'[Service]' "ExecStart=$hold $file 8" >"$unit/needs.service"
	printf '%s\n' '[Unit]' 'DefaultDependencies=no' 'Requires=private-nodes@slow.service' 'After=private-nodes@slow.service' \
		'[Service]' "ExecStart=/bin/touch $tmp/started" >"$unit/cannot.service"
	export XDG_RUNTIME_DIR=/run/user/0
	/lib/systemd/systemd --user --unit=needs.service >"$tmp/held" 2>&1 &
	manager=$!
	for ((i = 0; i < 300; i++)); do
		[ "$(systemctl --user is-active needs.service 2>/dev/null)" != active ] || break
		sleep 0.1
	done
	check "a service requires a node by its name: it is there" has "${wanted[@]}"
	check "the unit is active, whatever other files are like" systemctl --user -q is-active private-nodes@fast.service
	! systemctl --user start cannot.service 2>"$tmp/err" && [ ! -e "$tmp/started" ]
	result $? "a service whose node is not saved does not start"
	check "the unit of all of them fails if a file is wrong" eval '! systemctl --user start private-nodes.target 2>"$tmp/err"'
	rm /etc/private-nodes.d/bad.conf
	check "the unit of all of them" systemctl --user start private-nodes.target
	check "the unit stops, and the service with it" systemctl --user stop private-nodes@fast.service
	! systemctl --user -q is-active needs.service && has none 0:0 600 && ! private
	result $? "the node is gone"
	check "the unit starts again" systemctl --user start private-nodes@fast.service
	works "destroy: what a unit has made, by hand" destroy "$DAX"
	check "the unit makes it again when it is reloaded" eval 'systemctl --user reload private-nodes@fast.service && has "${wanted[@]}"'
	works "destroy: by hand" destroy "$DAX"
	check "its unit stops" systemctl --user stop private-nodes@fast.service
	check "and has not failed" eval '! systemctl --user -q is-failed private-nodes@fast.service'
	check "the unit starts again, from device_dax" systemctl --user start private-nodes@fast.service
	works "destroy: what a unit has made is forgotten" destroy "$DAX" --forget
	check "its unit stops" systemctl --user stop private-nodes@fast.service
	check "and has not failed" eval '! systemctl --user -q is-failed private-nodes@fast.service'
	systemctl --user exit
	wait $manager
	rm -r /run/systemd/system /etc/private-nodes.d
}
if [ -x /lib/systemd/systemd ]; then units; else skip units "systemd is not installed"; fi

conclude
