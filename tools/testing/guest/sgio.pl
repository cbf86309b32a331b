#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# sgio.pl lio|tgt|scripted DEVICE FILE all|few: the commands of sgio.sh to a disk of that kind of target, which
# has FILE behind it, all in one process. Fails at the first one that ends otherwise than it should.

use strict;
use warnings;

my ($kind, $device, $file, $many) = @ARGV;
die "usage: sgio.pl lio|tgt|scripted DEVICE FILE all|few\n" unless defined $many;
my $all = $many eq 'all';

my ($page, $fence, $block) = (4096, 64, 512);
my %direction = (none => -1, out => -2, in => -3);
# struct sg_io_hdr of <scsi/sg.h>.
my $layout = 'i i C C S L Q Q Q L L i x4 Q C C C C S S i L L x4';

open my $node, '+<', $device or die "$device: $!\n";
# What the file should hold.
my $image = contents();
my $commands = 0;

# ---- One command --------------------------------------------------------------------------------

# command CDB none|in|out LENGTH [DATA [SKEW]]: sends it with a buffer of that length, SKEW bytes behind the
# start of a page. Returns `STATUS RESIDUAL KEY/ASC/ASCQ`, with `-` for no sense data, and the buffer (a5 where
# nothing came). The CDB is in hex and may have spaces in it. Dies if the host reports an error, or if bytes
# around the buffer have changed.
sub command {
	my ($cdb, $way, $length, $data, $skew) = @_;
	my ($sense, $command) = ("\0" x 252, pack 'H*', $cdb =~ s/ //gr);
	# Perl has no aligned memory: a page that begins somewhere in a buffer that is bigger by one.
	my $room = "\xa5" x (2 * $page + 2 * $fence + ($skew //= 0) + $length);
	# The kernel writes behind Perl's back, so these must be no copies that share their bytes.
	substr($_, 0, 1) = substr $_, 0, 1 for $room, $sense;
	my $base = unpack 'Q', pack 'P', $room;
	my $at = $page - $base % $page + $page + $skew;
	substr($room, $at, $length) = $data if $way eq 'out' && $length;
	my $header = pack $layout, ord 'S', $direction{$way}, length $command, length $sense, 0, $length,
		$base + $at, unpack('Q', pack 'P', $command), unpack('Q', pack 'P', $sense), 60000, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0;
	ioctl $node, 0x2285, $header or die "$cdb: SG_IO: $!\n";
	my ($status, $sensed, $host, $residual) = (unpack $layout, $header)[13, 16, 17, 19];
	$commands++;

	for my $rest (substr($room, $at - $fence, $fence), substr($room, $at + $length, $fence)) {
		die "$cdb, $way $length bytes: bytes beside the buffer have changed\n" if $rest =~ /[^\xa5]/;
	}
	die "$cdb, $way $length bytes: host status $host\n" if $host;
	my @sense = unpack 'C*', substr $sense, 0, $sensed;
	# In descriptor format the codes stand elsewhere.
	my @codes = $sensed < 8 ? () : ($sense[0] & 0x7f) >= 0x72 ? @sense[1, 2, 3] : @sense[2, 12, 13];
	my $codes = @codes ? sprintf '%x/%02x/%02x', $codes[0] & 15, @codes[1, 2] : '-';
	return (sprintf('%02x %d %s', $status, $residual, $codes), substr $room, $at, $length);
}

# ends PATTERN CDB none|in|out LENGTH [DATA [SKEW]]: the command ends so. Returns the buffer.
sub ends {
	my ($pattern, $cdb, $way, $length, @rest) = @_;
	my ($end, $got) = command($cdb, $way, $length, @rest);
	$end =~ /^$pattern$/ or die "$cdb, $way $length bytes: the end is '$end', not '$pattern'\n";
	return $got;
}

# ---- What it did --------------------------------------------------------------------------------

# contents: all that is in the file, which others may have written to.
sub contents {
	local $/;
	open my $in, '<:raw', $file or die "$file: $!\n";
	return scalar <$in>;
}

# blocks FIRST COUNT: those that the file should hold.
sub blocks {
	my ($first, $count) = @_;
	return substr $image, $first * $block, $count * $block;
}

# unharmed WHAT: the file holds what it should. The bytes have to be in it, not in a cache of the target's.
sub unharmed {
	my ($what) = @_;
	ends('00 0 -', '35 00 00 00 00 00 00 00 00 00', 'none', 0);
	contents() eq $image or die "$what: the file is not what it should be\n";
}

sub noise {
	my ($length) = @_;
	return pack 'L*', map { rand 2 ** 32 } 1 .. $length / 4;
}

# fatal ALLOWED LENGTH CDB: what the target does not survive. LIO closes the connection when a command that
# may answer with no data is sent with room for some; tgt crashes at MODE SENSE without room.
sub fatal {
	my ($allowed, $length, $cdb) = @_;
	return $allowed == 0 && $length != 0 if $kind eq 'lio';
	return $length == 0 && $cdb =~ /^[15]a/ if $kind eq 'tgt';
	return 0;
}

# ---- Kinds of commands --------------------------------------------------------------------------

# full CDB: all that a command answers which has room for 255 bytes.
sub full {
	my ($end, $got) = command($_[0], 'in', 255);
	my ($status, $residual) = split / /, $end;
	$status eq '00' or die "$_[0]: the end is '$end'\n";
	return substr $got, 0, 255 - $residual;
}

# answers WHAT CDB LEAST: a command that has a length of its own, where %s is in the CDB, answers as much as
# it may, and the rest is the residual. It may be allowed LEAST bytes or more.
sub answers {
	my ($what, $cdb, $least) = @_;
	my $full = full(sprintf $cdb, 'ff');
	for my $allowed (grep { $_ >= $least } $all ? (0, 1, 16, 36, 255) : (0, 36)) {
		# More than there is room for is for another function.
		for my $length (grep { $_ >= $allowed } $all ? (0, 1, 3, 36, 255, 511, 513) : (0, 1, 511)) {
			next if fatal($allowed, $length, $cdb);
			my $count = $allowed < length $full ? $allowed : length $full;
			my $got = ends('00 ' . ($length - $count) . ' -', sprintf($cdb, sprintf '%02x', $allowed),
				$length ? 'in' : 'none', $length);
			substr($got, 0, $count, '') eq substr $full, 0, $count
				or die "$what in $allowed of $length bytes: other bytes\n";
			# The kernel may have copied all of a buffer of its own.
			$got =~ /^(\xa5*|\0*)\z/ or die "$what in $allowed of $length bytes: bytes behind it\n";
		}
	}
}

# reads CDB FIRST COUNT LENGTH SKEW: a READ of so many blocks into a buffer of that length.
sub reads {
	my ($cdb, $first, $count, $length, $skew) = @_;
	my $full = $count * $block;
	# A read that was cut short may tell how many bytes were too many, for want of a sign.
	my $residual = $length < $full ? '(0|' . ($full - $length) . ')' : $length - $full;
	my $got = ends("00 $residual -", $cdb, 'in', $length, undef, $skew);
	$full = $length if $length < $full;
	substr($got, 0, $full) eq substr(blocks($first, $count), 0, $full) or die "$cdb read other bytes\n";
}

# writes CDB FIRST COUNT SKEW: a WRITE of so many blocks.
sub writes {
	my ($cdb, $first, $count, $skew) = @_;
	my $data = noise($count * $block);
	ends('00 0 -', $cdb, 'out', length $data, $data, $skew);
	substr($image, $first * $block, length $data) = $data;
	unharmed($cdb);
}

# cut LENGTH: REPORT LUNS that may answer more than there is room for.
sub cut {
	my ($length) = @_;
	my $full = full('a0 00 00 00 00 00 00 00 00 ff 00 00');
	# tgt takes the room for what the CDB allows, and for less than 16 bytes there is no answer.
	my $end = $kind eq 'tgt' ? "02 $length 5/24/00" : '00 (0|[0-9]+) -';
	my $got = ends($end, 'a0 00 00 00 00 00 00 00 00 ff 00 00', 'in', $length);
	$kind eq 'tgt' or $got eq substr $full, 0, $length or die "REPORT LUNS in $length bytes: other bytes\n";
}

# misfits CDB FIRST COUNT LENGTH: a WRITE of so many blocks with more or less data than that. LIO refuses it,
# the scripted target what is less; the others write what there is.
sub misfits {
	my ($cdb, $first, $count, $length) = @_;
	my $data = noise($length);
	my $full = $count * $block;
	my $more = $length > $full ? $length - $full : 0;
	my ($end, $written);
	if ($kind eq 'lio') {
		($end, $written) = ("02 $more 5/0e/03", 0);
	} elsif ($kind eq 'scripted' && !$more) {
		($end, $written) = ("02 $length 5/24/00", 0);
	} else {
		# The scripted target takes all, and forgets what is more.
		($end, $written) = ($kind eq 'tgt' ? "00 $more -" : '00 0 -', $length - $more);
	}
	ends($end, $cdb, 'out', $length, $data);
	substr($image, $first * $block, $written) = substr $data, 0, $written;
	unharmed($cdb);
}

# ---- All of them --------------------------------------------------------------------------------

answers('INQUIRY', '12 00 00 00 %s 00', 0);
answers('MODE SENSE (6)', '1a 00 08 00 %s 00', 0);
answers('MODE SENSE (10)', '5a 00 08 00 00 00 00 00 %s 00', 0);
answers('READ CAPACITY (16)', '9e 10 00 00 00 00 00 00 00 00 00 00 00 %s 00 00', 0);
# It is allowed 16 bytes at least.
answers('REPORT LUNS', 'a0 00 00 00 00 00 00 00 00 %s 00 00', 16);
cut(8);
cut(1);

# With CDBs of every length, into buffers at odd places.
for my $skew ($all ? (0, 3, 511) : 3) {
	reads('08 00 00 05 01 00', 5, 1, 512, $skew);
	reads('28 00 00 00 00 07 00 00 10 00', 7, 16, 8192, $skew);
	reads('a8 00 00 00 00 09 00 00 00 21 00 00', 9, 33, 16896, $skew);
	reads('88 00 00 00 00 00 00 00 00 0b 00 00 00 03 00 00', 11, 3, 1536, $skew);
}
# Less and more than there is room for.
reads('28 00 00 00 00 00 00 00 01 00', 0, 1, 513, 0);
reads('28 00 00 00 00 00 00 00 01 00', 0, 1, 4096, 1);
reads('28 00 00 00 00 00 00 00 01 00', 0, 1, 511, 0);
reads('28 00 00 00 00 00 00 00 01 00', 0, 1, 1, 3);
reads('28 00 00 00 00 03 00 00 10 00', 3, 16, 5000, 7);
ends('00 0 -', '28 00 00 00 00 00 00 00 00 00', 'none', 0);
ends('00 512 -', '28 00 00 00 00 00 00 00 00 00', 'in', 512) unless fatal(0, 512, '28');

for my $skew ($all ? (0, 3, 511) : 3) {
	writes('0a 00 00 05 01 00', 5, 1, $skew);
	writes('2a 00 00 00 00 07 00 00 10 00', 7, 16, $skew);
	writes('aa 00 00 00 00 09 00 00 00 21 00 00', 9, 33, $skew);
	writes('8a 00 00 00 00 00 00 00 00 0b 00 00 00 03 00 00', 11, 3, $skew);
}
ends('00 0 -', '2a 00 00 00 00 00 00 00 00 00', 'none', 0);
misfits('2a 00 00 00 00 07 00 00 01 00', 7, 1, 1024);
misfits('2a 00 00 00 00 07 00 00 10 00', 7, 16, 8200);
misfits('2a 00 00 00 00 07 00 00 02 00', 7, 2, 512);
misfits('2a 00 00 00 00 07 00 00 10 00', 7, 16, 7000);

# LIO and tgt know no READ of this length.
my $long = '7f 00 00 00 00 00 00 18 00 09 00 00 00 00 00 00 00 00 00 09 00 00 00 00 00 00 00 00 00 00 00 21';
if ($kind eq 'scripted') {
	reads($long, 9, 33, 16896, 1);
} else {
	ends('02 -?[0-9]+ 5/2[04]/00', $long, 'in', 16896);
}

# Commands that fail.
ends('00 0 -', '00 00 00 00 00 00', 'none', 0);
ends('02 -?[0-9]+ 5/21/00', '28 00 7f ff ff ff 00 00 01 00', 'in', 512);
ends('02 -?[0-9]+ 5/21/00', '2a 00 7f ff ff ff 00 00 01 00', 'out', 512, noise(512));
ends('02 0 5/20/00', 'c5 00 00 00 00 00', 'none', 0);
ends('02 -?[0-9]+ 5/20/00', 'c5 00 00 00 00 00', 'in', 511);
ends('02 -?[0-9]+ 5/24/00', '12 01 ee 00 ff 00', 'in', 255);
unharmed('all of it');
print "$commands commands, all as they should be\n";
