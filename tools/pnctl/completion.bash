# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of pnctl(1) for bash.

_pnctl_knobs=(reclaim demotion mbind shmem madvise numa_balance ltpin cpuset)

_pnctl_devices() { ls /sys/bus/dax/devices 2>/dev/null; }

# Nodes of dax devices, plugged or not.
_pnctl_nodes() { cat /sys/bus/dax/devices/*/target_node 2>/dev/null; }

_pnctl_saved() {
	local f
	for f in /etc/private-nodes.d/*.conf; do
		[ ! -e "$f" ] || basename "$f" .conf
	done
}

_pnctl_options() {
	case $1 in
	list) echo "--json --node --device --verbose" ;;
	create) echo "--mode --set --adistance --owner --group --perm --save --config-dir --quiet" ;;
	destroy) echo "--to --forget --saved --config-dir --quiet" ;;
	set) echo "--quiet" ;;
	who) echo "--json" ;;
	watch) echo "--interval --count" ;;
	run) echo "--node --prefer" ;;
	check) echo "--json --config-dir" ;;
	cdi) echo "--output --quiet" ;;
	save) echo "--config-dir --quiet" ;;
	restore) echo "--device --wait --config-dir --quiet" ;;
	esac
	echo --help
}

# What may follow the option $1.
_pnctl_values() {
	case $1 in
	-m | --mode) echo "movable kernel auto" ;;
	-t | --to) echo "device_dax kmem none" ;;
	-d | --device) _pnctl_devices ;;
	-n | -N | --node) _pnctl_nodes ;;
	--owner) compgen -u ;;
	--group) compgen -g ;;
	-s | --set) printf '%s=on\n' "${_pnctl_knobs[@]}" ;;
	*) return 1 ;;
	esac
}

# What may stand there without an option.
_pnctl_words() {
	case $1 in
	cdi | create | destroy | save) _pnctl_devices ;;
	set)
		if [ "$2" = 2 ]; then
			_pnctl_devices
		else
			printf '%s=on\n' "${_pnctl_knobs[@]}"
			printf '%s=off\n' "${_pnctl_knobs[@]}"
			echo adistance=
		fi
		;;
	who) _pnctl_nodes ;;
	restore) _pnctl_saved ;;
	esac
}

_pnctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]:-} words
	# bash takes "=" for a word of its own.
	if [ "$cur" = = ]; then
		COMPREPLY=(on off)
		return
	fi
	if [ "$COMP_CWORD" = 1 ]; then
		words="list create destroy set who watch run check cdi save restore --help --version"
	elif words=$(_pnctl_values "$prev"); then
		:
	elif [[ $cur = -* ]]; then
		words=$(_pnctl_options "$verb")
	elif [ "$verb" = run ]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
	else
		words=$(_pnctl_words "$verb" "$COMP_CWORD")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _pnctl pnctl
