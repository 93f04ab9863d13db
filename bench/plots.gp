# SPDX-License-Identifier: GPL-2.0
# The plots of bench/bench.sh: gnuplot -e "dir='build/bench'" bench/plots.gp
set terminal svg size 900,420 font "sans-serif,12" background "white" name "bench"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 noborder
set grid ytics
set key top left
there(name) = system("test -s ".dir."/".name.".data && echo 1") eq "1"
columns(name) = int(system("awk 'NR == 1 { print NF }' ".dir."/".name.".data"))

if (there("ordinary")) {
	set output dir."/ordinary.svg"
	set title "Ordinary work: instructions, compared to stock Linux"
	set xtics rotate by -35 noenhanced
	set yrange [0.98:*]
	plot 1.001 with lines lc "red" title "bar: 1.001", \
		for [i = 2:columns("ordinary")] dir."/ordinary.data" using i:xtic(1) \
			title word("none 1 8 60", i - 1)." private"
}
if (there("private")) {
	set output dir."/private.svg"
	set title "Memory of a private node: instructions, compared to an ordinary node"
	set yrange [0.5:*]
	plot 1.01 with lines lc "red" title "bar for first touch: 1.01", \
		dir."/private.data" using 2:xtic(1) title "mbind", "" using 3 title "/dev/dax"
}
if (there("peers")) {
	set output dir."/peers.svg"
	set title "The same device, as people use it"
	set yrange [0:*]
	set y2range [0:*]
	set y2tics
	set ylabel "instructions for a MiB"
	set y2label "leaked pages"
	plot dir."/peers.data" using 2:xtic(1) title "first touch", "" using 3 title "mixed load", \
		"" using 4 axes x1y2 title "leaked pages (right)"
	unset y2tics
	unset y2label
}
set style data linespoints
set xtics norotate
set ylabel "instructions"
if (there("growth")) {
	set output dir."/growth.svg"
	set title "Plug and unplug, without data"
	set xlabel "GiB"
	set logscale xy 2
	set autoscale y
	plot dir."/growth.data" using 1:2 title "plug", "" using 1:3 title "unplug"
	unset logscale
}
if (there("nodes")) {
	set output dir."/nodes.svg"
	set title "Plug and unplug a node of 128 MiB beside others"
	set xlabel "nodes with memory"
	set yrange [0:*]
	plot dir."/nodes.data" using 1:2 title "plug", "" using 1:3 title "unplug"
}
