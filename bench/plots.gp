# SPDX-License-Identifier: GPL-2.0
# The plots of bench/bench.sh: gnuplot -e "dir='build/bench'" bench/plots.gp
set terminal svg size 900,420 font "sans-serif,12" background "white" name "bench"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 noborder
set grid ytics
# Above the plot, where no bar can be.
set key outside above center horizontal maxrows 1 width 1
set rmargin 7
there(name) = system("test -s ".dir."/".name.".data && echo 1") eq "1"
columns(name) = int(system("awk 'NR == 1 { print NF }' ".dir."/".name.".data"))

if (there("ordinary")) {
	set output dir."/ordinary.svg"
	set title "Ordinary work on the patched kernel, by the number of private nodes\n(with none, the limit is 1.001; for order 0, 2 instructions)"
	set ylabel "instructions, stock Linux = 1"
	set xtics rotate by -35 noenhanced
	set yrange [0.98:*]
	plot for [i = 2:columns("ordinary")] dir."/ordinary.data" using i:xtic(1) \
			title word("none 1 8 60", i - 1), \
		1.001 with lines lc "red" title "limit"
}
if (there("private")) {
	set output dir."/private.svg"
	set title "Memory of a private node (the limit is for the first touch, 1.01)"
	set ylabel "instructions, ordinary node = 1"
	set yrange [0.5:*]
	plot dir."/private.data" using 2:xtic(1) title "mbind", "" using 3 title "/dev/dax", \
		1.01 with lines lc "red" title "limit"
}
if (there("peers")) {
	set output dir."/peers.svg"
	set yrange [0:*]
	# Both panels as high.
	set tmargin 5
	set bmargin 9
	set xtics rotate by -40
	set rmargin 9
	set multiplot layout 1,2 title "The same device, as people use it"
	set title "What it costs"
	set ylabel "thousand instructions for a MiB"
	plot dir."/peers.data" using ($2 / 1e3):xtic(1) title "first touch", \
		"" using ($3 / 1e3) title "mixed load"
	set title "What others get of it when memory runs out"
	set ylabel "thousand pages"
	unset key
	plot dir."/peers.data" using ($4 / 1e3):xtic(1) lc 3
	unset multiplot
	set key
	unset tmargin
	unset bmargin
	set rmargin 7
}
set style data linespoints
set xtics norotate
if (there("growth")) {
	set output dir."/growth.svg"
	set title "Plug and unplug a device, without data"
	set xlabel "GiB"
	set ylabel "thousand instructions for a MiB"
	set logscale x 2
	set xtics (1, 4, 16, 64)
	set xrange [0.8:80]
	set yrange [0:*]
	plot dir."/growth.data" using 1:($2 / $1 / 1024e3) title "plug", \
		"" using 1:($3 / $1 / 1024e3) title "unplug"
	unset logscale
	set xtics autofreq
	set xrange [*:*]
}
if (there("nodes")) {
	set output dir."/nodes.svg"
	set title "Plug and unplug a node of 128 MiB beside others"
	set xlabel "nodes with memory"
	set ylabel "thousand instructions"
	set yrange [0:*]
	plot dir."/nodes.data" using 1:($2 / 1e3) title "plug", "" using 1:($3 / 1e3) title "unplug"
}
