#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What cannot be meant is refused with a sentence that says why, exit code 1, and nothing has changed.
#
# beds: uml uml-debug
# long-beds: qemu
# timeout: 120
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

# Everything that a refused command must leave alone.
everything() {
	local what
	for what in static-config discovery initiator-node target-param target; do
		iscsiadm list $what --json
	done
	sha256sum "$database"*
}

refused=0

# refuses TEXT WORD...: the command is refused with this text.
refuses() {
	local text=$1
	shift
	exits 1 iscsiadm "$@"
	equal "standard output of: $*" "$stdout" ''
	[[ $stderr = *"$text"* ]] || fail "no '$text' from: iscsiadm $*"$'\n'"but: $stderr"
	[[ $'\n'$stderr = *$'\niscsiadm: '* ]] || fail "no prefix on standard error of: $*"$'\n'"$stderr"
	refused=$((refused + 1))
}

name=iqn.2026-11.org.example:bad-input
address=127.0.0.1
long=$(printf 'x%.0s' $(seq 230))

initiator_up
# Something to be left alone; nobody listens there.
iscsiadm modify discovery --static disable
iscsiadm add static-config iqn.2026-11.org.example:kept,127.0.0.1:3999,1
iscsiadm modify target-param -d CRC32 -p maxburstlength=524288,firstburstlength=4096 iqn.2026-11.org.example:kept
before=$(everything)

note 'words'
refuses 'invalid subcommand' frobnicate static-config
refuses 'missing object' list
refuses 'invalid object' list frobnicate
refuses 'invalid subcommand' modify static-config "$name,$address"
refuses 'requires an operand' add static-config
refuses 'takes no operands' list discovery static
refuses 'at least one option required' modify discovery
refuses 'at least one option required' modify target-param "$name"
refuses 'invalid option' list static-config -v
refuses 'invalid option' list target --nonsense
refuses 'accepts only a single operand' remove target-param "$name" "$name"

note 'names'
refuses 'empty iSCSI name.' add static-config ",$address"
refuses 'iSCSI name exceeded maximum length.' add static-config "iqn.2026-11.org.$long,$address"
refuses 'unknown iSCSI name type.' add static-config "disk,$address"
refuses 'iSCSI name invalid character used' add static-config "iqn.2026-11.org.example:a_b,$address"
refuses 'iSCSI name invalid character used' add static-config "iqn.2026-11.org.example:a b,$address"
refuses 'iqn formatting error.' add static-config "iqn.2026-11,$address"
refuses 'invalid iqn date.  format is: YYYY-MM' add static-config "iqn.2026,$address"
refuses 'invalid year' add static-config "iqn.20x6-11.org.example:a,$address"
refuses 'invalid month' add static-config "iqn.2026-13.org.example:a,$address"
refuses 'missing subdomain after ":"' add static-config "iqn.2026-11.org.example:,$address"
refuses 'missing reversed fully qualified domain name' add static-config "iqn.2026-11.,$address"
refuses 'eui formatting error.' add static-config "eui.0123456789abcde,$address"
refuses 'eui formatting error.' add static-config "eui.0123456789abcdeg,$address"
refuses 'iSCSI name' modify initiator-node -N "iqn.2026-11.org.example:$(printf '\303\244')_"
refuses 'empty iSCSI name.' modify initiator-node -N ''

note 'addresses'
refuses 'missing target address' add static-config "$name"
refuses 'missing target address' add static-config "$name,"
refuses 'invalid IP address' add static-config "$name,127.0.0.256"
refuses 'invalid IP address' add static-config "$name,example.org"
refuses 'invalid IP address' add static-config "$name,::1"
refuses 'invalid IP address' add static-config "$name,[127.0.0.1]"
refuses "']' missing" add static-config "$name,[::1"
refuses 'port number missing' add static-config "$name,$address:"
refuses 'port number missing' add static-config "$name,[::1]:"
refuses 'port number invalid' add static-config "$name,$address:http"
refuses 'port number invalid' add static-config "$name,$address:-1"
refuses 'port number out of range' add static-config "$name,$address:0"
refuses 'port number out of range' add static-config "$name,$address:65536"
refuses 'parse target invalid TPGT' add static-config "$name,$address,65536"
refuses 'parse target invalid TPGT' add static-config "$name,$address,one"
# One bad operand spoils the good ones.
refuses 'invalid IP address' add static-config "$name,$address" "$name-2,nowhere"
refuses 'already configured' add static-config "$name,$address" iqn.2026-11.org.example:kept,127.0.0.1:3999,1

note 'values'
refuses 'invalid option argument - on' modify discovery --static on
refuses 'invalid option argument - MD5' modify initiator-node -h MD5
refuses 'invalid option argument - CRC32,none' modify target-param -d CRC32,none "$name"
refuses 'Unknown param: burst' modify target-param -p burst=1 "$name"
refuses 'invalid option argument - immediatedata' modify target-param -p immediatedata "$name"
refuses 'invalid option argument - maybe' modify target-param -p immediatedata=maybe "$name"
refuses 'invalid option argument - 1k' modify target-param -p maxburstlength=1k "$name"
refuses 'invalid option argument -' modify target-param -p maxburstlength= "$name"
refuses 'value must be between 512 and 16777215' modify target-param -p maxburstlength=511 "$name"
refuses 'value must be between 512 and 16777215' modify target-param -p firstburstlength=16777216 "$name"
refuses 'value must be between 512 and 16777215' modify target-param -p maxrecvdataseglen=0 "$name"
refuses 'value must be between 0 and 3600' modify target-param -p defaulttime2wait=3601 "$name"
refuses 'value must be between 0 and 3600' modify target-param -p defaulttime2retain=99999999999999999999 "$name"
refuses 'firstBurstLength must be less than or equal to than maxBurstLength' \
	modify target-param -p firstburstlength=1048576,maxburstlength=65536 "$name"
refuses 'firstBurstLength must be less than or equal to than maxBurstLength' \
	modify target-param -p firstburstlength=524289 iqn.2026-11.org.example:kept
refuses 'maxBurstLength must be greater than or equal to firstBurstLength' \
	modify target-param -p maxburstlength=512 iqn.2026-11.org.example:kept
# What fits one target does not slip in before it is refused for another, nor a good pair before a bad one.
refuses "iscsiadm: $name: maxBurstLength must be greater than or equal to firstBurstLength" \
	modify target-param -p maxburstlength=8192 iqn.2026-11.org.example:kept "$name"
refuses 'Unknown param: nonsense' modify target-param -p initialr2t=no,nonsense=1 "$name"

note 'what is not there'
refuses 'not found' remove static-config "$name"
refuses 'not found' remove static-config iqn.2026-11.org.example:kept,127.0.0.1:3998
refuses 'not found' remove static-config iqn.2026-11.org.example:kept "$name"
refuses 'not found' remove target-param "$name"
refuses 'not found' list static-config "$name"
refuses 'not found' list target "$name"
refuses 'not found' list target-param "$name"

equal 'the configuration after all that' "$(everything)" "$before"
note "$refused commands refused, nothing changed"

note 'without privilege'
exits 1 setpriv --reuid 65534 --clear-groups --bounding-set -all --inh-caps -all "$(command -v iscsiadm)" list discovery
matches 'standard error' "$stderr" 'permission denied'

iscsiadm remove target-param iqn.2026-11.org.example:kept
initiator_down
