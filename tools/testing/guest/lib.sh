# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the guest tests share: two kinds of target (lio in the kernel, tgt beside it), the initiator's
# daily commands, waiting, and telling what went wrong. Sourced at the head of a test, never run.
#
# A test that ends well has left the guest as it found it: no session, no target, no module. The exit
# handler takes away what is left, and a test that passed up to there fails if that does not work.

set -euo pipefail
set -E

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
export here

# Backing files and whatever else a test writes, on the guest's own disk.
export work=/var/tmp/iscsi-test

# What our initiator calls itself.
export initiator_name=iqn.2026-11.org.example:initiator

# Names of targets begin like this.
export prefix=iqn.2026-11.org.example:

# Rules of a test's own for udev, and what a test loads the module with.
export udev_rules=/run/udev/rules.d
module_options=/run/modprobe.d/iscsi-test.conf

# Where the CLI keeps the configuration.
database=/etc/iscsi/initiator.db.json

# ---- Telling ------------------------------------------------------------------------------------

# note TEXT...: says what comes next, with the time since the guest started.
note() {
	local uptime
	read -r uptime _ </proc/uptime
	printf '[%8s] %s\n' "$uptime" "$*"
}

# fail TEXT...: ends the test.
fail() {
	local frame=0
	trap - ERR
	{
		echo "FAILED: $*"
		while caller $frame; do
			frame=$((frame + 1))
		done | awk '{ print "  at " $3 ":" $1 " in " $2 }'
	} >&2
	exit 1
}

read -r started _ </proc/uptime

# What an operator would look at first.
show_state() {
	echo '--- sessions'
	iscsiadm list target -v </dev/null 2>&1 | head -n 60
	echo '--- devices'
	lsscsi -t 2>&1
	echo '--- who has them open'
	fuser -v /dev/sd* 2>&1
	ps -eo pid,stat,wchan:24,args | awk '$2 ~ /D/'
	echo '--- last of the kernel log'
	dmesg | awk -v start="$started" -F '[][]' '$2 + 0 >= start' | tail -n 40
	echo '---'
}

# ---- Checking -----------------------------------------------------------------------------------

# equal WHAT GOT EXPECTED
equal() {
	[ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

# matches WHAT TEXT PATTERN: a line of the text has a match of the extended regular expression.
matches() {
	local line
	while IFS= read -r line; do
		[[ ! $line =~ $3 ]] || return 0
	done <<<"$2"
	fail "$1 does not match '$3': $2"
}

# contents VARIABLE FILE: the variable becomes what is in the file, without the newlines at its end. No
# program is started for it: in a guest each costs some hundredths of a second.
contents() {
	local -n into=$1
	IFS= read -r -d '' into <"$2" || true
	while [[ $into = *$'\n' ]]; do
		into=${into%$'\n'}
	done
}

stdout='' stderr=''

# exits CODE COMMAND...: the command ends with this code. What it wrote is in $stdout and $stderr.
exits() {
	local expected=$1 code=0
	shift
	"$@" >"$work/stdout" 2>"$work/stderr" </dev/null || code=$?
	contents stdout "$work/stdout"
	contents stderr "$work/stderr"
	[ $code = "$expected" ] ||
		fail "exit code $code, not $expected, of: $*"$'\n'"stdout: $stdout"$'\n'"stderr: $stderr"
}

# Nothing ever comes from here: time passes without a program for it.
exec {never}<> <(:)

# wait_for SECONDS WHAT COMMAND...: until the command succeeds. What takes long is looked at less often.
wait_for() {
	local limit=$1 what=$2 end=$((SECONDS + $1)) pause=50 seconds
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "no $what within $limit s"
		printf -v seconds '0.%03d' $pause
		read -r -t "$seconds" -u "$never" || true
		[ $pause -ge 200 ] || pause=$((pause + 10))
	done
}

# not COMMAND...: for wait_for.
not() {
	! "$@"
}

# ---- Sizes --------------------------------------------------------------------------------------

# Prints the bed that we are in.
bed() {
	case $(uname -r) in
	*-umldebug) echo uml-debug ;;
	*-uml) echo uml ;;
	*) echo qemu ;;
	esac
}

# scaled FULL SMALL: FULL in the quick bed, SMALL where instructions are dear.
scaled() {
	if [ "$(bed)" = uml ]; then
		echo "$1"
	else
		echo "$2"
	fi
}

# ---- Targets, whichever kind --------------------------------------------------------------------
#
# Each LUN is a sparse file. LUNs are numbered from 1, since tgt keeps 0 for itself. A portal is
# written as in `add static-config`: 127.0.0.1:3260 or [::1]:3260.

declare -A target_kind=() target_id=() target_portal=() target_sizes=() target_keys=()
targets=()
last_id=0

# target_up KIND NAME PORTAL SIZE...: a target with one LUN of each size.
target_up() {
	local kind=$1 name=$2 portal=$3 lun=0 size file
	local -A files=()
	shift 3
	targets+=("$name")
	last_id=$((last_id + 1))
	target_kind[$name]=$kind
	target_id[$name]=$last_id
	target_portal[$name]=$portal
	target_sizes[$name]="$*"
	target_keys[$name]=''
	for size; do
		lun=$((lun + 1))
		find_backing "$name" $lun
		files[$size]+=" $file"
	done
	for size in "${!files[@]}"; do
		# shellcheck disable=SC2086
		truncate -s "$size" ${files[$size]}
	done
	"${kind}_up" "$name"
}

# target_set NAME KEY=VALUE...: what the target negotiates, from the next login on.
target_set() {
	local name=$1 pair
	shift
	for pair; do
		"${target_kind[$name]}_set" "$name" "${pair%%=*}" "${pair#*=}"
		target_keys[$name]+=" $pair"
	done
}

# target_kill NAME: the target goes without a word; connecting to its portal fails. Of tgt, every
# target goes.
target_kill() {
	"${target_kind[$1]}_kill" "$1"
}

# target_revive NAME: it is back, with the same LUNs and contents.
target_revive() {
	local pair
	"${target_kind[$1]}_revive" "$1"
	for pair in ${target_keys[$1]}; do
		"${target_kind[$1]}_set" "$1" "${pair%%=*}" "${pair#*=}"
	done
}

# target_down NAME: takes it away; the backing files stay until the end of the test.
target_down() {
	local each left=()
	"${target_kind[$1]}_down" "$1"
	unset "target_kind[$1]"
	for each in "${targets[@]}"; do
		[ "$each" = "$1" ] || left+=("$each")
	done
	targets=("${left[@]}")
}

# backing NAME LUN: the file behind a LUN.
backing() {
	local file
	find_backing "$1" "$2"
	echo "$file"
}

# find_backing NAME LUN: puts it into $file, which takes no process as `$(backing ...)` does.
find_backing() {
	file=$work/${1##*:}.$2
}

# operand NAME: the target as `add static-config` takes it.
operand() {
	echo "$1,${target_portal[$1]}"
}

# ---- LIO, by configfs ---------------------------------------------------------------------------

lio=/sys/kernel/config/target

lio_start() {
	modprobe -a target_core_mod target_core_file iscsi_target_mod
	[ -d $lio/iscsi ] || mkdir $lio/iscsi
}

lio_up() {
	local name=$1 tpg=$lio/iscsi/$1/tpgt_1 lun=0 size made=()
	lio_start
	for size in ${target_sizes[$name]}; do
		lun=$((lun + 1))
		made+=("$lio/core/fileio_$lun/${name##*:}" "$tpg/lun/lun_$lun")
	done
	mkdir -p "$tpg" "${made[@]}" "$tpg/np/${target_portal[$name]}"
	# Anybody may log in and write.
	lio_attribute "$name" authentication 0
	lio_attribute "$name" generate_node_acls 1
	lio_attribute "$name" cache_dynamic_acls 1
	lio_attribute "$name" demo_mode_write_protect 0
	lun=0
	for size in ${target_sizes[$name]}; do
		lun=$((lun + 1))
		lio_lun "$name" $lun "$size"
	done
	echo 1 >"$tpg/enable"
}

lio_attribute() {
	echo "$3" >"$lio/iscsi/$1/tpgt_1/attrib/$2"
}

# lio_lun NAME LUN SIZE: a LUN, whose directories are there, on its backing file.
lio_lun() {
	local name=$1 lun=$2 file store=$lio/core/fileio_$2/${1##*:} bytes serial
	find_backing "$name" "$lun"
	count_bytes "$3"
	echo "fd_dev_name=$file,fd_dev_size=$bytes,fd_buffered_io=1" >"$store/control"
	echo 1 >"$store/enable"
	make_serial "${name##*:}" "$lun"
	echo "$serial" >"$store/wwn/vpd_unit_serial"
	ln -s "$store" "$lio/iscsi/$name/tpgt_1/lun/lun_$lun/store"
}

# count_bytes SIZE: puts it into $bytes, without the suffix.
count_bytes() {
	local power
	case $1 in
	*[kK]) power=10 ;;
	*M) power=20 ;;
	*G) power=30 ;;
	*T) power=40 ;;
	*) power=0 ;;
	esac
	bytes=$((${1%[kKMGT]} << power))
}

# make_serial NAME LUN: puts 32 hexadecimal digits into $serial, others for each LUN, for the identifiers
# that udev makes links of come from the first 25. The hash is FNV-1a.
make_serial() {
	local hash=$((0xcbf29ce484222325)) code i
	for ((i = 0; i < ${#1}; i++)); do
		printf -v code %d "'${1:i:1}"
		hash=$(((hash ^ code) * 0x100000001b3))
	done
	printf -v serial '%016x%08x%08x' $hash "$2" 0
}

# Digests are lists with the preferred method first, as in the RFC.
lio_set() {
	echo "$3" >"$lio/iscsi/$1/tpgt_1/param/$2"
}

lio_kill() {
	rmdir "$lio/iscsi/$1/tpgt_1/np/${target_portal[$1]}"
	lio_disable "$1"
}

lio_revive() {
	mkdir "$lio/iscsi/$1/tpgt_1/np/${target_portal[$1]}"
	lio_enable "$1"
}

# lio_disable NAME: sessions end, and logins are refused although the portal listens.
lio_disable() {
	echo 0 >"$lio/iscsi/$1/tpgt_1/enable"
}

lio_enable() {
	echo 1 >"$lio/iscsi/$1/tpgt_1/enable"
}

lio_down() {
	local name=$1 tpg=$lio/iscsi/$1/tpgt_1 each links=() directories=() parents=()
	[ -d "$tpg" ] || return 0
	echo 0 >"$tpg/enable"
	for each in "$tpg"/np/*; do
		[ ! -d "$each" ] || directories+=("$each")
	done
	for each in "$tpg"/lun/lun_*; do
		[ -d "$each" ] || continue
		[ ! -L "$each/store" ] || links+=("$each/store")
		directories+=("$each")
	done
	directories+=("$tpg" "$lio/iscsi/$name")
	for each in "$lio"/core/fileio_*/"${name##*:}"; do
		[ -d "$each" ] || continue
		directories+=("$each")
		parents+=("${each%/*}")
	done
	[ ${#links[@]} = 0 ] || rm "${links[@]}"
	rmdir "${directories[@]}"
	[ ${#parents[@]} = 0 ] || rmdir --ignore-fail-on-non-empty "${parents[@]}"
}

# ---- tgt, a process -----------------------------------------------------------------------------

tgt_process=''
tgt_listens=''

# tgt_start: one process serves all its targets at all its portals.
tgt_start() {
	[ -z "$tgt_process" ] || return 0
	mkdir -p /run/tgtd
	tgtd --foreground --iscsi "$tgt_listens" >>"$work/tgtd.log" 2>&1 &
	tgt_process=$!
	wait_for 20 'answer from tgtd' tgtadm --lld iscsi --op show --mode sys
}

tgt_up() {
	local portal=${target_portal[$1]}
	if [ -z "$tgt_process" ]; then
		tgt_listens=portal=$portal
		tgt_start
	elif [[ ",$tgt_listens," != *",portal=$portal,"* ]]; then
		tgt_listens+=,portal=$portal
		tgtadm --lld iscsi --op new --mode portal --param "portal=$portal"
	fi
	tgt_make "$1"
}

tgt_make() {
	local name=$1 lun=0 size file id=${target_id[$1]}
	tgtadm --lld iscsi --op new --mode target --tid "$id" --targetname "$name"
	for size in ${target_sizes[$name]}; do
		lun=$((lun + 1))
		find_backing "$name" $lun
		tgtadm --lld iscsi --op new --mode logicalunit --tid "$id" --lun $lun --backing-store "$file"
	done
	tgtadm --lld iscsi --op bind --mode target --tid "$id" --initiator-address ALL
}

tgt_set() {
	tgtadm --lld iscsi --op update --mode target --tid "${target_id[$1]}" --name "$2" --value "$3"
}

tgt_kill() {
	kill -KILL "$tgt_process"
	wait "$tgt_process" 2>/dev/null || true
	tgt_process=''
}

tgt_revive() {
	tgt_start
	tgt_make "$1"
}

tgt_down() {
	[ -n "$tgt_process" ] || return 0
	tgtadm --lld iscsi --op delete --mode target --tid "${target_id[$1]}" --force
	# With the last one its portals go.
	[ -n "$(tgtadm --lld iscsi --op show --mode target)" ] || tgt_stop
}

tgt_stop() {
	[ -n "$tgt_process" ] || return 0
	tgtadm --lld iscsi --op delete --mode system || true
	kill "$tgt_process" 2>/dev/null || true
	wait "$tgt_process" 2>/dev/null || true
	tgt_process=''
}

# ---- The initiator ------------------------------------------------------------------------------

# parameters NAME=VALUE...: what the module is loaded with from now on, for times that a test would else
# have to wait for.
parameters() {
	echo "options iscsi $*" >$module_options
}

# initiator_up: a fresh module, a fresh database, static discovery enabled.
initiator_up() {
	rm -f "$database"*
	modprobe iscsi
	iscsiadm modify initiator-node -N $initiator_name
	iscsiadm modify discovery --static enable
}

# initiator_down: every session ends, the module goes, nothing stays behind.
initiator_down() {
	local line
	local -A left=()
	iscsiadm list static-config >"$work/left" </dev/null
	while IFS= read -r line; do
		line=${line#*Target: }
		left[${line%%,*}]=yes
	done <"$work/left"
	[ ${#left[@]} = 0 ] || iscsiadm remove static-config "${!left[@]}"
	module_gone
	rm -f "$database"*
}

# module_gone: unloads the module, which nothing may use any more.
module_gone() {
	wait_for 20 'module without users' not module_in_use
	rmmod iscsi || fail 'the module does not go'
}

module_in_use() {
	[ "$(cat /sys/module/iscsi/refcnt)" != 0 ]
}

# login NAME: configures the target, which logs in.
login() {
	exits 0 iscsiadm add static-config "$(operand "$1")"
	equal "standard error of add static-config" "$stderr" ''
}

# logout NAME: all its disks go with it. On a busy machine udev may look at one for longer than a removal
# waits for that.
logout() {
	local end=$((SECONDS + 60))
	until iscsiadm remove static-config "$1" >"$work/stdout" 2>"$work/stderr" </dev/null; do
		grep -q 'Logical unit in use' "$work/stderr" && [ $SECONDS -lt $end ] ||
			fail "remove static-config $1: $(cat "$work/stderr")"
	done
	wait_for 20 "end of the links of $1" not links_of "$1"
}

# session_state NAME: prints the state, or nothing if there is no session.
session_state() {
	iscsiadm list target --json | jq -r --arg name "$1" '.[] | select(.target == $name) | .state'
}

logged_in() {
	[ "$(session_state "$1")" = logged_in ]
}

# session_field NAME FILTER: prints what the jq filter finds in the JSON of a session.
session_field() {
	iscsiadm list target --json | jq -r --arg name "$1" ".[] | select(.target == \$name) | $2"
}

links_of() {
	compgen -G "/dev/disk/by-path/*-iscsi-$1-lun-*"
}

# disk_of NAME LUN: prints the disk's device node once udev has linked it.
disk_of() {
	local portal=${target_portal[$1]} link
	# udev writes IPv6 addresses without brackets.
	portal=${portal/[/}
	link=/dev/disk/by-path/ip-${portal/]/}-iscsi-$1-lun-$2
	wait_for 20 "$link" test -b "$link"
	readlink -f "$link"
}

# opens DISK...: they can be opened. Their nodes come a moment before, and udev's links a moment after.
opens() {
	local each
	for each; do
		: <"$each" || return 1
	done
}

# ---- udev ---------------------------------------------------------------------------------------
#
# It looks at each new disk for a tenth of a second or more, which is most of what a login costs here.

# udev_stop: disks come and go without it, so that they have no links. The modules it would load.
udev_stop() {
	modprobe -a sd_mod sg
	# Asked once, by `udevadm control --exit`, it stays now and then.
	wait_for 60 'end of udevd' not pkill -TERM -x systemd-udevd
}

# udev_start: from now on it sees what comes.
udev_start() {
	/usr/lib/systemd/systemd-udevd --daemon
}

# ---- I/O ----------------------------------------------------------------------------------------

# For fio's bssplit: from one sector to the biggest command, most of them small.
export mixed_sizes=512/40:1k/10:4k/20:16k/10:64k/10:1m/7:4m/3
export small_sizes=512/20:4k/40:16k/20:64k/15:132k/5

# fio_job OPTION...: fio with what all our jobs have in common; what it says is shown if it fails. Threads,
# since user-mode Linux takes a second for its processes.
fio_job() {
	fio --thread --ioengine=libaio --direct=1 --randrepeat=1 --group_reporting --verify=crc32c \
		--verify_fatal=1 --verify_dump=0 "$@" >"$work/fio.log" 2>&1 </dev/null || {
		cat "$work/fio.log"
		fail "fio: exit code $?: $*"
	}
}

# sum FILE: the SHA-256 of a file or device.
sum() {
	sha256sum "$1" | cut -d' ' -f1
}

# same BYTES DISK FILE [DISK FILE]...: each disk begins with the same bytes as its file.
same() {
	perl -e '
		my $bytes = shift;
		while (my @pair = splice @ARGV, 0, 2) {
			my @got = map {
				open my $in, "<", $_ or die "$_: $!\n";
				my $read = sysread $in, my $data, $bytes;
				($read // 0) == $bytes or die "$_: it has not $bytes bytes\n";
				$data;
			} @pair;
			$got[0] eq $got[1] or die "$pair[0] is not what $pair[1] is\n";
		}' "$@" || fail 'a disk is not what its file is'
}

# ---- Beginning and end --------------------------------------------------------------------------

clean_up() {
	local code=$? name
	trap - EXIT ERR
	set +eE
	[ $code = 0 ] || show_state
	mount | awk -v work="$work/" 'index($3, work) == 1 { print $3 }' | xargs -r umount
	if [ -d /sys/module/iscsi ]; then
		initiator_down || code=1
	fi
	for name in "${targets[@]}"; do
		target_down "$name" || code=1
	done
	tgt_stop
	pgrep -x systemd-udevd >/dev/null || udev_start
	rm -rf "$work" $module_options $udev_rules
	udevadm control --reload
	exit $code
}

rm -rf "$work" $module_options $udev_rules
mkdir -p "$work" ${module_options%/*} $udev_rules
# A dozen programs for each disk, which take longer than the test; the links come from other rules. A test
# that wants all that happens on a user's machine says so before it sources this.
if [ "${udev:-few}" != all ]; then
	for rules in 55-scsi-sg3_id 58-scsi-sg3_symlink 60-multipath 90-iocost; do
		ln -s /dev/null "$udev_rules/$rules.rules"
	done
fi
udevadm control --reload
trap clean_up EXIT
trap 'fail "exit code $? of: $BASH_COMMAND"' ERR
