#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Commands as no disk driver sends them, by the SG_IO ioctl: lengths that do not fit the command, odd ones,
# none at all, CDBs of 6 to 32 bytes, buffers at odd addresses, and commands that fail. The residual, the
# status, the sense data and the bytes are what they should be, and no byte beside them changes.
#
# beds: uml uml-debug
# timeout: 150
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

# sg WANTED CDB none|in|out LENGTH [FILE [SKEW]]: the command ends so. CDBs may have spaces in them.
sg() {
	local wanted=$1
	shift
	exits 0 "$here/sgio.pl" "$disk" "${1// /}" "${@:2}"
	matches "the end of $1, $2 $3 bytes" "$stdout" "^$wanted\$"
}

# hex FILE: its bytes.
hex() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}

# fatal ALLOWED LENGTH CDB: what the target does not survive. LIO closes the connection when a command that
# may answer with no data is sent with room for some; tgt crashes at MODE SENSE without room.
fatal() {
	case $kind in
	lio) [ "$1" = 0 ] && [ "$2" != 0 ] ;;
	tgt) [ "$2" = 0 ] && [[ $3 = [15]a* ]] ;;
	*) false ;;
	esac
}

# answers WHAT CDB FORMAT FULL: a command that has a length of its own answers as much as it
# may, and the rest is the residual.
answers() {
	local what=$1 cdb=$2 format=$3 full=$4 allowed length
	for allowed in $(scaled '0 1 36 255' '0 36'); do
		for length in $(scaled '0 1 3 255 511 513' '0 1 511'); do
			# More than there is room for is for the next function.
			[ "$allowed" -le "$length" ] || continue
			! fatal "$allowed" "$length" "$cdb" || continue
			# shellcheck disable=SC2059
			answer "$what" "$(printf "$cdb" "$(printf "$format" "$allowed")")" "$full" "$allowed" "$length"
		done
	done
}

# answer WHAT CDB FULL ALLOWED LENGTH: FULL is what it would all be, in hex.
answer() {
	local count=$((${#3} / 2)) way=in got
	[ "$count" -le "$4" ] || count=$4
	[ "$5" != 0 ] || way=none
	sg "00 $(($5 - count)) -" "$2" $way "$5" "$work/got"
	[ "$5" = 0 ] && return
	got=$(hex "$work/got")
	equal "$1 in $4 of $5 bytes" "${got:0:2 * count}" "${3:0:2 * count}"
	matches "what is behind $1" "${got:2 * count}" '^(a5|00)*$'
}

# full CDB LENGTH: prints all that a command answers, in hex.
full() {
	local rest got
	rest=$("$here/sgio.pl" "$disk" "${1// /}" in "$2" "$work/got")
	read -r _ rest _ <<<"$rest"
	got=$(hex "$work/got")
	echo "${got:0:2 * ($2 - rest)}"
}

# blocks FIRST COUNT: those of the backing file.
blocks() {
	dd if="$(backing "$name" 1)" of="$work/blocks" bs=512 skip="$1" count="$2" status=none
}

# reads CDB FIRST COUNT LENGTH SKEW: a READ of so many blocks into a buffer of that length.
reads() {
	local all=$(($3 * 512)) count
	count=$(($4 < all ? $4 : all))
	blocks "$2" "$3"
	# A read that was cut short may tell how many bytes were too many, for want of a sign.
	sg "00 $([ "$4" -lt $all ] && echo "(0|$((all - $4)))" || echo $(($4 - all))) -" "$1" in "$4" "$work/got" "$5"
	cmp -n "$count" "$work/blocks" "$work/got" || fail "$1 read other bytes"
}

writes() {
	pattern "$work/pattern" $(($3 * 512))
	sg '00 0 -' "$1" out $(($3 * 512)) "$work/pattern" "$4"
	# The bytes have to be in the file, which others may write to through a cache of their own.
	sg '00 0 -' 35000000000000000000 none 0
	blocks "$2" "$3"
	cmp "$work/pattern" "$work/blocks" || fail "$1 wrote other bytes"
}

one_kind() {
	local kind=$1 name=$prefix$1-sgio skew disk
	target_up "$kind" "$name" 127.0.0.1:3260 2M
	pattern "$(backing "$name" 1)" $((2 << 20))
	login "$name"
	disk=$(disk_of "$name" 1)
	udevadm settle --timeout=60

	note "$kind: answers of every length"
	answers INQUIRY '12 00 00 00 %s 00' %02x "$(full '12 00 00 00 ff 00' 255)"
	answers 'MODE SENSE (6)' '1a 00 08 00 %s 00' %02x "$(full '1a 00 08 00 ff 00' 255)"
	answers 'MODE SENSE (10)' '5a 00 08 00 00 00 00 00 %s 00' %02x "$(full '5a 00 08 00 00 00 00 00 ff 00' 255)"
	answers 'READ CAPACITY (16)' '9e 10 00 00 00 00 00 00 00 00 00 00 00 %s 00 00' %02x \
		"$(full '9e 10 00 00 00 00 00 00 00 00 00 00 00 ff 00 00' 255)"

	note "$kind: reads with CDBs of every length, into buffers at odd places"
	for skew in $(scaled '0 3 511' 3); do
		reads '08 00 00 05 01 00' 5 1 512 "$skew"
		reads '28 00 00 00 00 07 00 00 10 00' 7 16 8192 "$skew"
		reads 'a8 00 00 00 00 09 00 00 00 21 00 00' 9 33 16896 "$skew"
		reads '88 00 00 00 00 00 00 00 00 0b 00 00 00 03 00 00' 11 3 1536 "$skew"
	done
	note "$kind: reads of less and of more than was made room for"
	reads '28 00 00 00 00 00 00 00 01 00' 0 1 513 0
	reads '28 00 00 00 00 00 00 00 01 00' 0 1 4096 1
	reads '28 00 00 00 00 00 00 00 01 00' 0 1 511 0
	reads '28 00 00 00 00 00 00 00 01 00' 0 1 1 3
	reads '28 00 00 00 00 03 00 00 10 00' 3 16 5000 7
	sg '00 0 -' '28 00 00 00 00 00 00 00 00 00' none 0
	fatal 0 512 28 || sg '00 512 -' '28 00 00 00 00 00 00 00 00 00' in 512 "$work/got"

	note "$kind: writes"
	for skew in $(scaled '0 3 511' 3); do
		writes '0a 00 00 05 01 00' 5 1 "$skew"
		writes '2a 00 00 00 00 07 00 00 10 00' 7 16 "$skew"
		writes 'aa 00 00 00 00 09 00 00 00 21 00 00' 9 33 "$skew"
		writes '8a 00 00 00 00 00 00 00 00 0b 00 00 00 03 00 00' 11 3 "$skew"
	done
	sg '00 0 -' '2a 00 00 00 00 00 00 00 00 00' none 0

	note "$kind: a CDB of 32 bytes"
	long_cdb

	note "$kind: commands that fail"
	sg '00 0 -' '00 00 00 00 00 00' none 0
	sg '02 -?[0-9]+ 5/21/00' '28 00 7f ff ff ff 00 00 01 00' in 512 "$work/got"
	sg '02 -?[0-9]+ 5/21/00' '2a 00 7f ff ff ff 00 00 01 00' out 512 "$work/pattern"
	sg '02 0 5/20/00' 'c5 00 00 00 00 00' none 0
	sg '02 -?[0-9]+ 5/20/00' 'c5 00 00 00 00 00' in 511 "$work/got"
	sg '02 -?[0-9]+ 5/24/00' '12 01 ee 00 ff 00' in 255 "$work/got"
	logged_in "$name" || fail 'the session did not live through it'
	equal 'sessions that were lost' "$(session_field "$name" '.connections | length')" 1
	logout "$name"
	target_down "$name"
}

# LIO and tgt know no READ of this length.
long_cdb() {
	local cdb='7f 00 00 00 00 00 00 18 00 09 00 00 00 00 00 00 00 00 00 09 00 00 00 00 00 00 00 00 00 00 00 21'
	case $kind in
	scripted) reads "$cdb" 9 33 16896 1 ;;
	*) sg '02 -?[0-9]+ 5/2[04]/00' "$cdb" in 16896 "$work/got" ;;
	esac
}

initiator_up
for kind in $(scaled 'lio tgt scripted' scripted); do
	one_kind "$kind"
done
initiator_down
