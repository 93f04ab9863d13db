# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of pnctl(1) for bash, with the functions of bash-completion.

_pnctl_knobs=(reclaim demotion mbind shmem madvise numa_balance ltpin cpuset)

_pnctl_devices() { ls /sys/bus/dax/devices 2>/dev/null; }

# Nodes of dax devices, plugged or not.
_pnctl_nodes() { cat /sys/bus/dax/devices/*/target_node 2>/dev/null; }

_pnctl_saved() {
	local f
	for f in "${1:-/etc/private-nodes.d}"/*.conf; do
		[ ! -e "$f" ] || basename "$f" .conf
	done
}

_pnctl_verbs="list create destroy set who watch run check cdi save restore"

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
	'') echo "--version" ;;
	esac
	echo --help
}

# Does the option $2 of the verb $1 want a value?
_pnctl_takes_value() {
	case $1:$2 in
	*:--config-dir | *:--mode | *:--set | *:--adistance | *:--owner | *:--group | *:--perm) ;;
	*:--to | *:--node | *:--device | *:--interval | *:--count | *:--output | *:--wait) ;;
	create:-[ms] | destroy:-t | list:-[Nd] | run:-[nN] | watch:-[ic] | cdi:-o | restore:-[dw]) ;;
	*) return 1 ;;
	esac
}

# "mbind=on,de": what comes after the last comma, behind what comes before it.
_pnctl_settings() {
	local before=
	[[ $cur != *,* ]] || before=${cur%,*},
	printf '%s=on\n' "${_pnctl_knobs[@]/#/$before}"
	printf '%s=off\n' "${_pnctl_knobs[@]/#/$before}"
}

# What may follow the option $1; of numbers and modes there is nothing to offer.
_pnctl_values() {
	case $1 in
	-m | --mode) echo "movable kernel auto" ;;
	-t | --to) echo "device_dax kmem none" ;;
	-d | --device) _pnctl_devices ;;
	-n | -N | --node) _pnctl_nodes ;;
	--owner) compgen -u ;;
	--group) compgen -g ;;
	-s | --set) _pnctl_settings ;;
	esac
}

# What may stand there as the word number $2 of the verb $1 that is no option.
_pnctl_words() {
	case $1:$2 in
	'':*) echo "$_pnctl_verbs" ;;
	destroy:1) if [ -n "$saved" ]; then _pnctl_saved "$dir"; else _pnctl_devices; fi ;;
	create:1 | set:1 | cdi:* | save:*) _pnctl_devices ;;
	set:*) _pnctl_settings && echo adistance= ;;
	who:1) _pnctl_nodes ;;
	restore:1) _pnctl_saved "$dir" ;;
	esac
}

# The command of run begins with the word number $1. For _command_offset "=" is a word, too.
_pnctl_command() {
	local i offset=$1
	for ((i = 1; i < $1; i++)); do
		case ${words[i]} in
		?*=?*) offset=$((offset + 2)) ;;
		?*=) offset=$((offset + 1)) ;;
		esac
	done
	_command_offset "$offset"
}

_pnctl() {
	# shellcheck disable=SC2034 # split is for _init_completion
	local cur prev words cword split verb='' nth=0 saved='' dir='' i word list offered=''
	_init_completion -s || return
	# What has been said so far; the first word that is no option is the verb.
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--saved) saved=1 ;;
		--config-dir) dir=${words[i + 1]} ;;
		--config-dir=*) dir=${words[i]#*=} ;;
		esac
		if _pnctl_takes_value "$verb" "${words[i]}"; then
			i=$((i + 1))
		elif [[ ${words[i]} != -* ]]; then
			if [ -z "$verb" ]; then verb=${words[i]}; else nth=$((nth + 1)); fi
		fi
		# From here on it is another program's.
		if [ "$verb:$nth" = run:1 ]; then
			_pnctl_command "$i"
			return
		fi
	done
	if _pnctl_takes_value "$verb" "$prev"; then
		case $verb:$prev in
		*:--config-dir) _filedir -d ;;
		cdi:*) _filedir json ;;
		*) offered=$(_pnctl_values "$prev") ;;
		esac
	elif [ "$verb" = run ] && [[ $cur != -* ]]; then
		_pnctl_command "$cword"
		return
	elif [[ $cur = -* ]]; then
		offered=$(_pnctl_options "$verb")
	else
		offered=$(_pnctl_words "$verb" $((nth + 1)))
	fi
	# Not by "compgen -W", which would run what is in them.
	read -r -d '' -a list <<<"$offered"
	for word in "${list[@]}"; do
		[[ $word != "$cur"* ]] || COMPREPLY+=("$word")
	done
	# To bash, what stands behind "=" is a word of its own, and only that is replaced.
	if [[ $cur = *=* && $COMP_WORDBREAKS = *=* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${cur%=*}="}")
	fi
	[[ ${COMPREPLY-} != *= ]] || compopt -o nospace
}

complete -F _pnctl pnctl
