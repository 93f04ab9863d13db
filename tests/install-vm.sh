#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What tests/install.sh does in its Debian, once it has booted: a stage each boot, which the
# kernel's command line names (lab.stage). Prints TAP.
#
#   taken    nothing is saved, and kmem has the device: it is in use, and stays there
#   typed    the newcomer's path: README and guide, typed line by line
#   create   without kmem: node, services and their drop-ins are made
#   again    all of it is there again, and kmem was not in between
#   wrong    the same, with a file beside it that has mistakes
#   kmem     kmem was first: it is taken from there
#   absent   the device has not come
#   purge    it is there again; then apt takes the packages away

# What is in single quotes is for eval, or for programs.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")" || exit 1
export LC_ALL=C.UTF-8 PAGER=cat SYSTEMD_PAGER=cat SYSTEMD_COLORS=0 DEBIAN_FRONTEND=noninteractive
# As tests/lib.sh has it from the lab's own machines.
cat >/run/lab.env <<'END'
DAX=dax0.0
PNODE=2
END
# shellcheck source=tests/lib.sh
. ./lib.sh

stage=$(sed 's/.*lab\.stage=\([a-z]*\).*/\1/' /proc/cmdline)
conf=/etc/private-nodes.d
name=$(basename -a -s .conf "$conf"/*.conf 2>/dev/null | grep -vx broken)
unit=private-nodes@$name.service
units=/etc/systemd/system
data=/root/data

# What has gone wrong, for who reads the log.
say() { sed 's/^/# /'; }
# must NAME COMMAND...: as check, and what it printed if it fails
must() {
	local what=$1 out rc
	shift
	out=$("$@" 2>&1)
	rc=$?
	[ $rc = 0 ] || say <<<"$out"
	result $rc "$what"
}
driver() { basename "$(readlink -f "$dev/driver")"; }
knob() { cat "$dev/$1"; }
active() { [ "$(systemctl is-active "$1")" = active ]; }
failed() { [ "$(systemctl is-failed "$1")" = failed ]; }
# journal UNIT TEXT: in what it said since this boot
journal() { journalctl -b -o cat -u "$1" | grep -F -- "$2" || { journalctl -b -u "$1" && false; }; }
log_has() { journalctl -b -o cat | grep -qE -- "$1"; }
two_lines() { [ "$(wc -l <"$1")" = 2 ] || { cat "$1" && false; }; }
# started UNIT: when it had, in microseconds
started() { systemctl show -P ActiveEnterTimestampMonotonic "$1"; }
exec_at() { systemctl show -P ExecMainStartTimestampMonotonic "$1"; }
before() {
	echo "$1 and $2"
	[ "$1" -gt 0 ] && [ "$1" -le "$2" ]
}
# on_node PID LEAST PATTERN: of its mappings that match, LEAST pages or more are on the
# node, and none anywhere else.
on_node() {
	awk -v least="$2" -v pattern="$3" -v p="N$PNODE" '
		$0 !~ pattern { next }
		{
			for (i = 3; i <= NF; i++) {
				if (split($i, w, "=") != 2 || w[1] !~ /^N[0-9]+$/) continue
				if (w[1] == p) { here += w[2] } else { there += w[2]; print }
			}
		}
		END { print here + 0 " pages there, " there + 0 " elsewhere"; exit !(here >= least && !there) }' "/proc/$1/numa_maps"
}
# Heap, stacks, anonymous mappings; of files there may be page cache among them.
anon() { on_node "$1" "$2" '^[0-9a-f]+ [^ ]+( heap| stack)? anon='; }
# soon COMMAND...: within a minute
soon() {
	local i
	for ((i = 0; i < 60; i++)); do
		! "$@" >/run/soon 2>&1 || return 0
		sleep 1
	done
	cat /run/soon
	false
}
# holds UNIT: 64 MiB there
holds() { on_node "$(main_pid "$1")" 16384 '/dev/zero'; }
main_pid() { systemctl show -P MainPID "$1"; }

redis() { redis-cli -s /run/redis/redis-server.sock "$@"; }
redis_pong() { [ "$(redis ping)" = PONG ]; }
redis_answers_tcp() { [ "$(redis-cli ping)" = PONG ]; }
redis_answers() { soon redis_pong; }
redis_has() { [ "$(redis --raw get big | cksum)" = "$(cat "$data.cksum")" ]; }
# The server process of a session, that has read all of the table.
postgres_on_node() {
	local out
	out=$(
		su postgres -c 'psql -qAtX' <<-'END'
			select sum(length(r)) from t;
			select pg_backend_pid() as pid \gset
			\setenv PID :pid
			\! cat /proc/$PID/numa_maps >/tmp/postgres.maps
		END
	) || return
	[ "$out" = 10000000 ] || { echo "the table has $out characters" && return 1; }
	grep '/dev/zero' /tmp/postgres.maps
	grep '/dev/zero' /tmp/postgres.maps | awk -v p="N$PNODE" '
		{
			for (i = 3; i <= NF; i++) {
				if (split($i, w, "=") != 2 || w[1] !~ /^N[0-9]+$/) continue
				if (w[1] == p) here += w[2]; else there += w[2]
			}
		}
		END { print here + 0 " pages there, " there + 0 " elsewhere"; exit !(here >= 1200 && !there) }'
}

shmem_of() { awk '$3 == "Shmem:" { print $4 }' "/sys/devices/system/node/node$PNODE/meminfo"; }
tmpfs_on_node() {
	local before after
	findmnt -n -o OPTIONS /srv/cache | grep "mpol=bind:$PNODE" || return
	before=$(shmem_of)
	head -c 32M /dev/zero >/srv/cache/file
	after=$(shmem_of)
	rm /srv/cache/file
	echo "$before kB of shared memory there, then $after kB"
	[ $((after - before)) -ge 32000 ]
}

# A new version of the package: nothing of what runs notices.
upgrade() {
	local pid
	pid=$(main_pid redis-server)
	rm -rf /run/new
	dpkg-deb -R /opt/lab/pnctl.deb /run/new
	sed -i 's/^Version: .*/&.1/' /run/new/DEBIAN/control
	dpkg-deb -b /run/new /run/new.deb >/dev/null
	# The one that is killed then.
	(flock 9 && exec sleep infinity) 9>/run/pnctl.lock &
	local holder=$!
	must "$stage: a later version is installed" apt-get -q -y install /run/new.deb
	must "$stage: it is that" dpkg-query -W -f '${Version}' pnctl
	check "$stage: who had pnctl's lock still has it" eval '! flock -n /run/pnctl.lock true'
	kill $holder && wait $holder 2>/dev/null
	check "$stage: redis is the same process" [ "$(main_pid redis-server)" = "$pid" ]
	check "$stage: systemd knows the new units" [ "$(systemctl show -P NeedDaemonReload "$unit")" = no ]
	all_is_there
}

# The device goes, and comes back.
comes_back() {
	local region driver how
	region=$(dirname "$(readlink -f "$dev")")
	driver=$(readlink -f "$region/driver")
	must "$stage: pnctl destroy, by hand" pnctl destroy "$DAX" --to none
	check "$stage: the unit is still active" active "$unit"
	must "$stage: it is reloaded" systemctl reload "$unit"
	check "$stage: the node is there again" eval 'private && [ "$(driver)" = anondax ]'
	# Its unit is active, and has to be reloaded; or is not, and has to be started, though
	# daxctl's rule wants another one.
	check "$stage: daxctl's rule is there" ls /usr/lib/udev/rules.d/90-daxctl-device.rules
	for how in reload start; do
		if [ $how = reload ]; then
			must "$stage: pnctl destroy, by hand" pnctl destroy "$DAX" --to none
		else
			must "$stage: the unit is stopped" systemctl stop "$unit"
		fi
		check "$stage: no node is private" eval '! private'
		echo "${region##*/}" >"$driver/unbind"
		check "$stage: the device has gone" [ ! -e "$dev" ]
		echo "${region##*/}" >"$driver/bind"
		must "$stage: it is back, and a private node" soon eval 'private && [ "$(knob mbind)" = 1 ]'
		must "$stage: and its unit is active" soon active "$unit"
	done
}

all_is_there() {
	check "$stage: node $PNODE is private" private
	check "$stage: node $PNODE has no ordinary memory" eval '! ordinary'
	check "$stage: anondax has the device" [ "$(driver)" = anondax ]
	check "$stage: it is online_movable" [ "$(cat "$hotplug")" = online_movable ]
	check "$stage: the knobs are mbind and shmem" [ "$(knob mbind)$(knob shmem)$(knob reclaim)$(knob demotion)$(knob cpuset)" = 11000 ]
	check "$stage: the file's group and mode" [ "$(stat -c '%G %a' "/dev/$DAX")" = "devmem 660" ]
	must "$stage: $unit is active" active "$unit"
	must "$stage: redis answers" redis_answers
	must "$stage: redis has what was stored" redis_has
	must "$stage: redis: its memory is on node $PNODE" anon "$(main_pid redis-server)" 5000
	must "$stage: PostgreSQL: shared_buffers are on node $PNODE" postgres_on_node
	must "$stage: a tmpfs of fstab is on it" tmpfs_on_node
	[ "$stage" = wrong ] || must "$stage: pnctl check" pnctl check
}

# The unit before what requires it, and both in the boot's log.
in_order() {
	must "$stage: the node was made before redis was started" before "$(started "$unit")" "$(exec_at redis-server)"
	must "$stage: and before PostgreSQL" before "$(started "$unit")" "$(exec_at postgresql@17-main)"
	must "$stage: the journal says that it was made" journal "$unit" "$DAX: node $PNODE, online_movable"
}

note "Linux $(uname -r), systemd $(systemctl --version | awk 'NR == 1 { print $2 }'), $(cat /etc/debian_version), $(awk '{ print $1 }' /proc/uptime) s after boot"
check "$stage: systemd is what booted" [ "$(cat /proc/1/comm)" = systemd ]
check "$stage: the kernel is that of the package" dpkg -S "/boot/vmlinuz-$(uname -r)"

case $stage in
taken)
	# Nobody has said otherwise: the kernel makes ordinary memory of it.
	check "taken: kmem has it, as ordinary memory" eval '[ "$(driver)" = kmem ] && ordinary'
	# What cannot move: dentries and inodes.
	numactl --membind="$PNODE" find / -xdev >/dev/null
	pnctl create "$DAX" --save >/run/out 2>/run/err
	check "taken: pnctl create has the exit status for it" [ $? = 4 ]
	must "taken: and says it in two lines" two_lines /run/err
	must "taken: that kmem has it" grep 'cannot be taken from kmem' /run/err
	must "taken: and what to do" grep 'keep kmem from loading and reboot' /run/err
	check "taken: kmem has it still, as ordinary memory" eval '[ "$(driver)" = kmem ] && ordinary && [ "$(cat "$dev/state")" != unplugged ]'
	check "taken: nothing is saved" [ -z "$(ls $conf 2>/dev/null)" ]
	;;
typed)
	# shellcheck source=tests/install/typed.sh
	. ./typed.sh
	newcomer
	;;
create)
	check "create: nothing has failed" [ -z "$(systemctl --failed --plain --no-legend | tee /dev/stderr)" ]
	must "create: what is installed is whole" dpkg --verify pnctl "linux-image-$(uname -r)"
	check "create: the manual pages and the completion" ls /usr/share/man/man1/pnctl.1.gz /usr/share/man/man5/private-nodes.conf.5.gz \
		/usr/share/bash-completion/completions/pnctl
	check "create: the unit of all nodes is enabled" systemctl -q is-enabled private-nodes.service
	check "create: kmem does not have it" eval '[ "$(driver)" != kmem ] && ! ordinary'
	must "create: pnctl check: all is ready" pnctl check
	groupadd devmem
	must "create: pnctl create --save" pnctl create "$DAX" --set mbind=on,shmem=on --group devmem --perm 0660 --save
	name=$(basename -s .conf "$conf"/*.conf)
	unit=private-nodes@$name.service
	note "$unit"
	check "create: it is saved" [ -s "$conf/$name.conf" ]

	# One service that is granted the node and one that is not, where only a grant counts.
	for s in granted denied; do
		printf '%s\n' '[Unit]' "Requires=$unit" "After=$unit" '[Service]' NUMAPolicy=bind "NUMAMask=$PNODE" \
			"$([ $s = denied ] || echo "AllowedMemoryNodes=0 $PNODE")" 'ExecStart=/opt/lab/hold /dev/zero 64' >$units/$s.service
	done
	# Without NUMAPolicy: what is granted stock numactl sees without -a.
	printf '%s\n' '[Service]' "AllowedMemoryNodes=0 $PNODE" "ExecStart=numactl --membind=$PNODE /opt/lab/hold /dev/zero 64" >$units/granted-numactl.service
	systemctl daemon-reload
	must "create: the unit starts, with nothing to do" systemctl start "$unit"
	must "create: the knob cpuset on" pnctl set "$DAX" cpuset=on
	systemctl start granted granted-numactl
	must "create: a service that is granted the node, with NUMAPolicy: its memory is there" soon holds granted
	must "create: one that is granted it, with numactl without -a: the same" soon holds granted-numactl
	systemctl start denied
	must "create: one that is not granted it does not start" soon failed denied
	check "create: and that is for its policy" [ "$(systemctl show -P ExecMainStatus denied)" = 242 ]
	systemctl stop granted granted-numactl
	systemctl reset-failed denied
	must "create: the knob cpuset off" pnctl set "$DAX" cpuset=off

	# As the guide has it.
	for s in redis-server "postgresql@17-main"; do
		mkdir -p "$units/$s.service.d"
		printf '%s\n' '[Unit]' "Requires=$unit" "After=$unit" '[Service]' NUMAPolicy=bind "NUMAMask=$PNODE" \
			>"$units/$s.service.d/private-node.conf"
	done
	printf '%s\n' 'unixsocket /run/redis/redis-server.sock' >>/etc/redis/redis.conf
	mkdir -p /srv/cache
	echo "cache /srv/cache tmpfs size=64M,mpol=bind:$PNODE,_netdev,x-systemd.requires=$unit 0 0" >>/etc/fstab
	systemctl daemon-reload
	must "create: redis starts on it" systemctl restart redis-server
	must "create: PostgreSQL starts on it" systemctl restart postgresql@17-main
	must "create: a tmpfs of fstab is mounted on it" systemctl start srv-cache.mount
	head -c 24M /dev/urandom | base64 -w 0 >$data
	redis_answers
	redis -x set big <$data >/dev/null
	redis --raw get big | cksum >$data.cksum
	rm $data
	su postgres -c 'psql -qAtX' <<-'END'
		create table t as select g, repeat('x', 500) as r from generate_series(1, 20000) g;
	END
	all_is_there
	;;
again)
	all_is_there
	in_order
	check "again: kmem has not been loaded" [ ! -d /sys/module/kmem ]
	check "again: nothing has failed" [ -z "$(systemctl --failed --plain --no-legend | tee /dev/stderr)" ]
	must "again: all saved nodes: private-nodes.service" active private-nodes.service
	check "again: it was taken down before the machine went down" \
		eval 'journalctl -b -1 -o cat -u "$unit" | grep "Deactivated successfully"'
	upgrade
	comes_back
	# For the next boot.
	printf '%s\n' '[device]' 'nonsense' '[settings' 'mbind = perhaps' >$conf/broken.conf
	;;
wrong)
	# It is no other's fault, and does not let kmem in.
	all_is_there
	in_order
	check "wrong: kmem has not been loaded" [ ! -d /sys/module/kmem ]
	check "wrong: private-nodes.service has failed" failed private-nodes.service
	must "wrong: the journal names the file" journal private-nodes.service "$conf/broken.conf"
	check "wrong: no other unit has" [ "$(systemctl --failed --plain --no-legend | awk '{ print $1 }')" = private-nodes.service ]
	pnctl check >/run/checked 2>&1
	check "wrong: pnctl check has an exit status for it" [ $? != 0 ]
	must "wrong: and names it" grep -F broken.conf /run/checked
	rm $conf/broken.conf
	# The next boot has kmem in front.
	echo kmem >/etc/modules-load.d/lab.conf
	;;
kmem)
	rm /etc/modules-load.d/lab.conf
	check "kmem: kmem was there first" [ -d /sys/module/kmem ]
	all_is_there
	in_order
	;;
absent)
	check "absent: there is no device" [ ! -e "$dev" ]
	check "absent: $unit was wanted, and failed" failed "$unit"
	must "absent: the journal says what is missing" journal "$unit" "$name: no dax device has the addresses"
	must "absent: and what to do" journal "$unit" "it has gone for good: rm $conf/$name.conf"
	check "absent: private-nodes.service has failed" failed private-nodes.service
	check "absent: redis was not started without it" eval '! active redis-server'
	must "absent: the journal says why" log_has 'Dependency failed for redis'
	pnctl check >/run/checked 2>&1
	check "absent: pnctl check has an exit status for it" [ $? = 3 ]
	must "absent: and says it" grep -F "$name" /run/checked
	check "absent: the machine is up" active multi-user.target
	;;
purge)
	all_is_there
	in_order
	mapfile -t ours < <(dpkg-query -W -f '${Package}\n' pnctl 'linux-image-*' 2>/dev/null)
	apt-get -q -y remove pnctl >/run/purge 2>&1
	rc=$?
	[ $rc = 0 ] || say </run/purge
	result $rc "purge: apt removes pnctl"
	check "purge: no node is private" eval '! private'
	check "purge: redis, which required it, was stopped" eval '! active redis-server'
	check "purge: and the tmpfs is not mounted" eval '! findmnt /srv/cache'
	check "purge: what was saved is still there" [ -s "$conf/$name.conf" ]
	must "purge: it is installed again" apt-get -q -y install /opt/lab/pnctl.deb
	must "purge: the node is made without its unit" pnctl restore
	check "purge: it is private" eval 'private && ! active "$unit"'
	note "purging ${ours[*]}"
	apt-get -q -y autopurge "${ours[@]}" >/run/purge 2>&1
	rc=$?
	say </run/purge
	result $rc "purge: apt purges the packages"
	check "purge: no node is private then either" eval '! private'
	check "purge: no unit of ours is loaded" [ -z "$(systemctl list-units --all --plain --no-legend 'private-nodes*' | grep -v not-found | tee /dev/stderr)" ]
	check "purge: nothing is saved" [ ! -e $conf ]
	check "purge: dpkg knows them no more" eval '! dpkg-query -W "${ours[@]}" 2>/dev/null'
	# What has come since, but for what others write as they run, and what this script wrote.
	find /boot /etc /opt /root /usr /var/lib -xdev | LC_ALL=C sort | comm -13 before - |
		grep -vE '^/(var/lib/(redis|postgresql|systemd|dbus|private|apt|dpkg/info)/|root/data|etc/systemd/system/(granted|denied|redis-server\.service\.d|postgresql@17-main\.service\.d))|/(group|gshadow|passwd|shadow)-$|^/etc/\.updated$' >/run/left
	say </run/left
	check "purge: no file is left" [ ! -s /run/left ]
	check "purge: nothing in the lists of dpkg and systemd" [ -z "$(find /var/lib/dpkg/info /var/lib/systemd /run/systemd /run/udev -name '*private-node*' -o -name '*pnctl*' | tee /dev/stderr)" ]
	check "purge: nothing in /run" [ ! -e /run/pnctl.lock ]
	;;
*)
	echo "Bail out! there is no stage '$stage'"
	exit 1
	;;
esac
conclude
