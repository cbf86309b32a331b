#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# sgio.pl DEVICE CDB none|in|out LENGTH [FILE [SKEW]]: one SCSI command through the SG_IO ioctl, for lengths
# and buffers that other tools do not let one choose. The CDB is in hex. What is sent comes from FILE, what is
# received goes there, all LENGTH bytes of the buffer (a5 where nothing came). The buffer begins SKEW bytes
# behind the start of a page. Prints the SCSI status, the residual, and KEY/ASC/ASCQ of the sense data or `-`.
# Fails if the host reports an error, or if bytes around the buffer have changed.

use strict;
use warnings;

my ($device, $cdb, $way, $length, $file, $skew) = @ARGV;
die "usage: sgio.pl DEVICE CDB none|in|out LENGTH [FILE [SKEW]]\n" unless defined $length;
$skew //= 0;

my ($page, $fence) = (4096, 64);
my $command = pack 'H*', $cdb;
my $sense = "\0" x 252;

# Perl has no aligned memory: a page that begins somewhere in a buffer that is bigger by one.
my $room = "\xa5" x (2 * $page + $fence + $skew + $length + $fence);
my $base = unpack 'Q', pack 'P', $room;
my $at = $page - $base % $page + $page + $skew;
if ($way eq 'out' && $length) {
	open my $in, '<', $file or die "$file: $!\n";
	read($in, my $data, $length) == $length or die "$file is shorter than $length bytes\n";
	substr($room, $at, $length) = $data;
}

my %direction = (none => -1, out => -2, in => -3);
# struct sg_io_hdr of <scsi/sg.h>.
my $layout = 'i i C C S L Q Q Q L L i x4 Q C C C C S S i L L x4';
my $header = pack $layout, ord 'S', $direction{$way}, length $command, length $sense, 0, $length,
	$base + $at, unpack('Q', pack 'P', $command), unpack('Q', pack 'P', $sense), 60000, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0;
open my $node, '+<', $device or die "$device: $!\n";
ioctl $node, 0x2285, $header or die "SG_IO: $!\n";
my ($status, $sensed, $host, $driver, $residual) = (unpack $layout, $header)[13, 16, 17, 18, 19];

for my $rest (substr($room, $at - $fence, $fence), substr($room, $at + $length, $fence)) {
	die "bytes beside the buffer have changed\n" if $rest =~ /[^\xa5]/;
}
die "host status $host\n" if $host;
if ($way eq 'in' && defined $file && $file ne '') {
	open my $out, '>', $file or die "$file: $!\n";
	print $out substr $room, $at, $length;
}
my @sense = unpack 'C*', substr $sense, 0, $sensed;
# In descriptor format the codes stand elsewhere.
my @codes = $sensed < 8 ? () : ($sense[0] & 0x7f) >= 0x72 ? @sense[1, 2, 3] : @sense[2, 12, 13];
printf "%02x %d %s\n", $status, $residual, @codes ? sprintf '%x/%02x/%02x', $codes[0] & 15, @codes[1, 2] : '-';
