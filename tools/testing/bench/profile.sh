#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# profile.sh INITIATOR,... PATTERN RUNTIME: runs the workloads that match with those initiators, and has
# the emulator's plugin (profile.c) count what is executed between the start and the end of fio's I/O.
# Leaves the counts, the kernel's symbols and what fio says in /host/out; profile.py makes sense of it.

. "$(dirname "$0")/../guest/lib.sh"
. "$(dirname "$0")/setup.sh"

trap 'code=$?; [ $code = 0 ] || show_state; exit $code' EXIT

IFS=, read -ra initiators <<<"$1"
pattern=$2 runtime=$3
out=/host/out/profile

# tell WORD: asks the plugin for something and waits until it has taken the order away.
cat >"$work/tell" <<-'END'
	#!/bin/sh
	touch "/host/out/$1"
	while [ -e "/host/out/$1" ]; do sleep 0.05; done
END
chmod +x "$work/tell"

profile() {
	local row=$1 each
	local -n disks=$2
	shift 2
	for each in "${initiators[@]}"; do
		mkdir -p "$out/$row/$each"
		cd "$out/$row/$each"
		note "$row $each"
		fio_turns --runtime="$runtime" --exec_prerun="$work/tell start" --exec_postrun="$work/tell stop" \
			--name="$each" --filename="/dev/${disks[$each]}" "$@"
		mv /host/out/counts .
	done
}

set_up
cat /proc/kallsyms >/host/out/kallsyms
while read -ra row; do
	profile "${row[@]}"
done < <(rows "$pattern")
