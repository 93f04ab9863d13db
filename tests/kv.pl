#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# kv.pl redis|memcached SOCKET set|check FIRST COUNT [SEED]: write keys to a store,
# or read them back and compare, byte by byte. Values are 900 to 1155 bytes and
# follow from key and seed. Status 1 and a line about the first that is wrong.

use strict;
use warnings;
use IO::Socket::UNIX;

my ($kind, $path, $what, $first, $count, $seed) = @ARGV;
$seed //= 1;
my $s = IO::Socket::UNIX->new(Peer => $path) or die "cannot connect to $path: $!\n";

sub value {
	my $i = shift;
	my $word = sprintf '%08x', ($i * 2654435761 + $seed * 40503) & 0xffffffff;

	return substr $word x 150, 0, 900 + $i % 256;
}

# Without waiting for each answer, but never more of them than fits in the socket.
for (my $i = $first; $i < $first + $count; $i += 100) {
	my $last = $i + 99 < $first + $count - 1 ? $i + 99 : $first + $count - 1;
	my $ask = '';
	for my $k ($i .. $last) {
		my $v = value($k);
		my $len = length $v;
		if ($kind eq 'redis') {
			my $key = "k:$k";
			my $keylen = length $key;
			$ask .= $what eq 'set' ?
				"*3\r\n\$3\r\nSET\r\n\$$keylen\r\n$key\r\n\$$len\r\n$v\r\n" :
				"*2\r\n\$3\r\nGET\r\n\$$keylen\r\n$key\r\n";
		} else {
			$ask .= $what eq 'set' ? "set k:$k 0 0 $len\r\n$v\r\n" : "get k:$k\r\n";
		}
	}
	print $s $ask;
	$s->flush;
	for my $k ($i .. $last) {
		my $v = value($k);
		my $len = length $v;
		my $want = $what eq 'set' ? ($kind eq 'redis' ? "+OK\r\n" : "STORED\r\n") :
			$kind eq 'redis' ? "\$$len\r\n$v\r\n" : "VALUE k:$k 0 $len\r\n$v\r\nEND\r\n";
		my $got = '';
		# An answer that is shorter, such as an error, must not make this wait.
		while (length $got < length $want) {
			my $line = <$s>;
			last unless defined $line;
			$got .= $line;
			last if $got ne substr $want, 0, length $got;
		}
		next if $got eq $want;
		$got =~ s/[\r\n]+/ /g;
		die "$kind $what k:$k: got '", substr($got, 0, 60), "'\n";
	}
}
