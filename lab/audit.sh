#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who in the patched kernel looks at nodes, zones, zonelists, counters, System RAM
# and folios that it was handed, and what does each do with private nodes?
#
#   lab/audit.sh        every user has a verdict in docs/audit.tsv, every verdict a
#                       user, and the tables of docs/audit.md say the same
#   lab/audit.sh list   the users: file, function, family, what it names
#   lab/audit.sh table  write the tables of docs/audit.md from docs/audit.tsv
#
# Files that the series adds (kernel/tree) are not listed: they are the feature.
# There are no line numbers, so what merely moves within its file is not news.

. "$(dirname "$0")/lib.sh"
. "$TOP/lab/git.sh"
export LC_ALL=C

VERDICTS=$TOP/docs/audit.tsv
PAGE=$TOP/docs/audit.md

dirs=(arch block certs crypto drivers fs include init io_uring ipc kernel lib mm net samples security sound virt)

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# The names of each family. One that no kernel has does no harm.
names() {
	cat <<'END'
node N_MEMORY N_MEMORY_PRIVATE N_NORMAL_MEMORY N_HIGH_MEMORY N_CPU N_POSSIBLE N_ONLINE N_GENERIC_INITIATOR
node node_states node_state num_node_state node_set_state node_clear_state for_each_node_state
node first_memory_node next_memory_node node_online_map node_possible_map first_online_node next_online_node
node for_each_online_node for_each_node for_each_node_with_cpus for_each_node_numadist for_each_node_mask
node num_online_nodes nr_online_nodes num_possible_nodes nr_node_ids nearest_node_nodemask numa_nearest_node
node cpuset_current_mems_allowed find_next_best_node
node for_each_memory_node node_memory_map node_memory_state
zone for_each_populated_zone for_each_zone for_each_online_pgdat first_online_pgdat next_online_pgdat
zonelist node_zonelist node_zonelists node_private_zonelist first_zones_zonelist next_zones_zonelist
zonelist for_each_zone_zonelist for_each_zone_zonelist_nodemask for_next_zone_zonelist_nodemask
count totalram_pages totalram_pages_add totalram_pages_inc totalram_pages_dec totalreserve_pages
count NR_FREE_PAGES NR_FREE_PAGES_BLOCKS nr_free_pages nr_free_buffer_pages nr_free_zone_pages
count si_meminfo si_mem_available get_num_physpages adjust_managed_page_count global_dirtyable_memory
count global_node_page_state global_node_page_state_pages global_zone_page_state
count sum_zone_node_page_state node_page_state node_page_state_pages
ram walk_system_ram_range walk_system_ram_res walk_system_ram_res_rev walk_mem_res page_is_ram region_intersects
ram IORESOURCE_SYSTEM_RAM IORESOURCE_SYSRAM IORESOURCE_SYSRAM_MERGEABLE IORESOURCE_SYSRAM_DRIVER_MANAGED
ram pfn_to_online_page walk_memory_blocks for_each_memory_block walk_dynamic_memory_groups
folio folio_isolate_lru folio_putback_lru putback_movable_pages isolate_migratepages_range migrate_pages
folio migrate_vma_setup try_to_migrate try_to_unmap reclaim_pages folio_referenced folio_mark_accessed
folio folio_deactivate folio_mark_lazyfree memory_failure soft_offline_page
folio ptep_clear_young ptep_clear_flush_young ptep_test_and_clear_young ptep_clear_young_notify
folio ptep_clear_flush_young_notify ptep_test_and_clear_young_notify pmdp_test_and_clear_young
folio pmdp_clear_flush_young pmdp_clear_young_notify pmdp_clear_flush_young_notify pmdp_test_and_clear_young_notify
folio test_and_clear_young_ptes clear_young_dirty_ptes mmu_notifier_clear_young mmu_notifier_test_young
folio mmu_notifier_clear_flush_young folio_clear_young folio_test_clear_young folio_set_young
folio folio_clear_idle folio_set_idle
folio split_folio split_folio_to_list split_folio_to_order split_huge_page split_huge_page_to_order
folio split_huge_page_to_list_to_order collapse_file collapse_huge_page madvise_collapse
folio folio_activate folio_split deferred_split_folio isolate_folio_to_list alloc_migration_target make_device_exclusive
folio folio_is_longterm_pinnable check_and_migrate_movable_pages check_and_migrate_movable_folios memfd_pin_folios
folio folio_can_map_prot_numa numa_migrate_check mpol_misplaced damon_get_folio page_idle_get_folio lru_gen_look_around
folio kho_preserve_folio alloc_contig_range alloc_contig_range_noprof
folio alloc_contig_frozen_range alloc_contig_frozen_range_noprof
service try_to_free_pages try_to_free_mem_cgroup_pages node_reclaim shrink_node drop_slab drop_slab_node
service shrink_slab try_to_compact_pages compact_node oom_control kswapd_run kcompactd_run wakeup_kswapd wakeup_kcompactd
policy vma_alloc_folio vma_alloc_zeroed_movable_folio vma_alloc_anon_folio_pmd alloc_page_vma folio_alloc_mpol
policy alloc_pages_mpol vma_alloc_folio_noprof folio_alloc_mpol_noprof alloc_pages_bulk_mempolicy_noprof
notifier hotplug_node_notifier register_node_notifier hotplug_memory_notifier register_memory_notifier
END
}

# What each family is called on the page, in its order there.
families() {
	cat <<'END'
node	Node states, node masks and the number of nodes
zone	Walks over zones and nodes' data
zonelist	Zonelists
count	Counters: total and free memory, LRU
ram	System RAM by address
folio	Folios that somebody was handed
service	Who starts reclaim, compaction and the OOM killer
policy	Folios allocated by a policy
notifier	Notifiers
END
}

# Files of these, of which only those that the series or somebody's edits changed
# have to be read anew: the rest is as pristine as it was.
candidates() {
	local words keep
	words=$(names | cut -d' ' -f2- | tr ' ' '\n' | sort -u)
	keep=$BUILD/audit/$({
		g rev-parse pristine
		echo "${dirs[*]} $words"
	} | sha256sum | cut -c1-16)
	if [ ! -f "$keep" ]; then
		rm -rf "$BUILD/audit"
		mkdir -p "$BUILD/audit"
		(cd "$LINUX" && g ls-tree -r --name-only pristine -- "${dirs[@]}" | grep '\.[chS]$' |
			{ tr '\n' '\0' | xargs -0 -n 2000 -P "$JOBS" grep -lwF -e "$words" -s || :; }) | sort >"$keep.part"
		mv "$keep.part" "$keep"
	fi
	{
		cat "$keep"
		g diff --name-only pristine -- "${dirs[@]}"
		g ls-files --others --exclude-standard -- "${dirs[@]}"
	} | grep '\.[chS]$' | sort -u >"$tmp/candidates"
	(cd "$TREE" && find . -type f -printf '%P\n') | sort >"$tmp/ours"
	comm -23 "$tmp/candidates" "$tmp/ours" | while read -r f; do
		[ ! -f "$LINUX/$f" ] || echo "$f"
	done
}

# One line for each user: FILE FUNCTION FAMILY NAMES.
list() {
	names >"$tmp/names"
	candidates >"$tmp/files"
	(cd "$LINUX" && tr '\n' '\0' <"$tmp/files" | xargs -0r awk -v names="$tmp/names" -f "$TOP/lab/audit.awk") |
		sort -u | awk -F '\t' '{
			user = $1 "\t" $2 "\t" $3
			if (user != last) {
				if (last != "") print last "\t" all
				last = user
				all = $4
			} else
				all = all " " $4
		}
		END { if (last != "") print last "\t" all }'
}

# The tables, in which users with the same verdict for the same reason share a row.
# What matters most to a reader comes first.
tables() {
	local family title
	families | while IFS=$'\t' read -r family title; do
		printf '\n### %s\n\n| who | verdict | why |\n| --- | --- | --- |\n' "$title"
		awk -F '\t' -v family="$family" '
			BEGIN { verdicts = split("open;out, hook;in, hook;out;in;not reached;definition;namesake", verdict, ";") }
			/^#/ || $3 != family { next }
			{
				key = $4 "\t" $5
				if (!(key in who))
					order[++n] = key
				if (who[key] != "")
					who[key] = who[key] (last[key] == $1 ? ", " : "<br>")
				if (last[key] != $1)
					who[key] = who[key] "`" $1 "`: "
				who[key] = who[key] ($2 == "*" ? "all" : "`" $2 "`")
				last[key] = $1
			}
			END {
				for (v = 1; v <= verdicts; v++)
					for (i = 1; i <= n; i++) {
						split(order[i], part, "\t")
						bold = part[1] ~ /hook|open/ ? "**" : ""
						if (part[1] == verdict[v])
							print "| " who[order[i]] " | " bold part[1] bold " | " part[2] " |"
					}
			}' "$VERDICTS"
	done
	echo
}

# The page with the tables as they should be.
page() {
	[ "$(grep -cE '^<!-- tables: (begin|end)' "$PAGE")" = 2 ] ||
		die "docs/audit.md has no lines '<!-- tables: begin ... -->' and '<!-- tables: end -->'" "put them back, round the tables"
	sed '/^<!-- tables: begin/q' "$PAGE"
	tables
	sed -n '/^<!-- tables: end/,$p' "$PAGE"
}

# Compare users and verdicts. A line for one function comes before one for all of a
# file ("*") or of a directory ("drivers/gpu/" and "*").
compare() {
	awk -F '\t' '
		FNR == NR && /^#/ { next }
		FNR == NR {
			if (NF != 5 || $5 == "") {
				print "docs/audit.tsv:" FNR ": not FILE, FUNCTION, FAMILY, verdict and why, with tabs between"
				next
			}
			if ($4 !~ /^(in|out|in, hook|out, hook|open|not reached|definition|namesake)$/)
				print "docs/audit.tsv:" FNR ": no such verdict: " $4
			key = $1 "\t" $2 "\t" $3
			if (key in line)
				print "docs/audit.tsv:" FNR ": there are two verdicts on " $2 " (" $3 ") of " $1 ": leave one"
			if (last > key)
				print "docs/audit.tsv:" FNR ": not in order: sort the file (LC_ALL=C)"
			last = key
			line[key] = FNR
			next
		}
		{
			key = $1 "\t" $2 "\t" $3
			if (!(key in line))
				key = $1 "\t*\t" $3
			for (dir = $1; !(key in line) && sub("[^/]*/?$", "", dir) && dir != "";) {
				key = dir "\t*\t" $3
				sub("/$", "", dir)
			}
			if (key in line)
				used[key] = 1
			else {
				print "no verdict: " $1 ": " $2 " uses " $4
				print "            read it and add a line to docs/audit.tsv: " $1 "<tab>" $2 "<tab>" $3 "<tab>VERDICT<tab>WHY"
			}
		}
		END {
			for (key in line)
				if (!(key in used)) {
					split(key, part, "\t")
					print "no such user: docs/audit.tsv:" line[key] ": " part[1] ": " part[2] " (" part[3] ")"
					print "            see where it went, and change or remove the line"
				}
		}' "$VERDICTS" "$1"
}

[ -d "$LINUX/.git" ] || die "build/linux is not there" "run 'make tree'"

case ${1:-} in
list)
	list
	;;
table)
	page >"$tmp/page"
	cmp -s "$tmp/page" "$PAGE" || cat "$tmp/page" >"$PAGE"
	;;
'')
	list >"$tmp/list"
	compare "$tmp/list" >"$tmp/wrong"
	page >"$tmp/page"
	cmp -s "$tmp/page" "$PAGE" ||
		echo "docs/audit.md does not say what docs/audit.tsv does: run 'lab/audit.sh table'" >>"$tmp/wrong"
	if [ -s "$tmp/wrong" ]; then
		cat "$tmp/wrong"
		exit 1
	fi
	note "$(wc -l <"$tmp/list") users, $(grep -vc '^#' "$VERDICTS") verdicts, $(cut -f4 "$VERDICTS" | grep -c '^open$' || :) of them open"
	;;
*)
	die "no such thing: $1" "lab/audit.sh, lab/audit.sh list, or lab/audit.sh table"
	;;
esac
