# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What every script here needs: the checkout, the cache, progress lines, one maker at a time.
# Sourced, never run.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
export top

# Everything that takes time to make lives here, outside the checkout.
if [ -z "${ISCSI_CACHE:-}" ]; then
	if [ "$(id -u)" = 0 ]; then
		ISCSI_CACHE=/var/cache/iscsi-rs
	else
		ISCSI_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/iscsi-rs
	fi
fi
[[ $ISCSI_CACHE == /* ]] || ISCSI_CACHE=$PWD/$ISCSI_CACHE
export ISCSI_CACHE

# What is built from this checkout; other checkouts build elsewhere.
build=$ISCSI_CACHE/build/$(sha256sum <<<"$top" | cut -c1-12)
export build

# Present in the tree that `setup-toolbox` makes, and nowhere else.
toolbox_mark=/etc/iscsi-toolbox

# Tells the operator, not the pipeline.
say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$*"
	exit 1
}

in_toolbox() {
	[ -e $toolbox_mark ]
}

need_root() {
	[ "$(id -u)" = 0 ] || die "this needs root (it mounts and enters a Debian tree); try: sudo $0"
}

# Prints a short key of standard input: what an artefact is made from goes in, its name comes out.
key() {
	sha256sum | cut -c1-12
}

# make_once DESTINATION DESCRIPTION FUNCTION: unless it is there, makes it with `FUNCTION SCRATCH`,
# SCRATCH being renamed to DESTINATION when complete. Others wait, an interrupted one leaves nothing. What is
# in the cache is kept for two weeks after it was asked for here.
make_once() {
	local dest=$1 what=$2 maker=$3 scratch started used=${1#"$ISCSI_CACHE"/}
	mkdir -p "$ISCSI_CACHE"
	# No stamp in an entry itself: user-mode Linux wants its disk to be as old as it was.
	used=$ISCSI_CACHE/${used%%/*}.used
	(
		exec 8>>"$used"
		flock -s 8
		touch "$used"
		[ -e "$dest" ]
	) && return
	mkdir -p "${dest%/*}"
	(
		exec 9>"$dest.lock"
		flock 9
		if [ ! -e "$dest" ]; then
			scratch=$dest.tmp
			rm -rf "$scratch"
			say "making $what ..."
			started=$SECONDS
			# In the background, for bash ignores `set -e` on the left of `||`.
			"$maker" "$scratch" >"$dest.log" 2>&1 9>&- &
			wait $! || {
				tail -n 30 "$dest.log" >&2
				die "making $what failed; the whole log is $dest.log"
			}
			mv "$scratch" "$dest"
			say "made $what in $((SECONDS - started)) s"
		fi
	)
	forget
}

# Removes what nobody has asked for in two weeks. Whoever asks for it at the same time finds it, or nothing. What is
# built from checkouts is not made by one name, and build-module removes it.
forget() {
	local used
	while read -r used; do
		(
			exec 8>>"$used"
			flock 8
			[ -n "$(find "$used" -mtime +14)" ] || exit 0
			[ ! -e "${used%.used}" ] || mv -T "${used%.used}" "${used%.used}.old"
			rm "$used"
		)
		rm -rf --one-file-system "${used%.used}.old"
	done < <(find "$ISCSI_CACHE" -maxdepth 1 -name '*.used' ! -name build.used -mtime +14)
}

# seed_cargo SCRATCH: a new checkout begins with the crates of others that Cargo has compiled for the last one; it
# knows which of them are still good. Our own belong to the path of their checkout.
seed_cargo() {
	local last name=${1##*/}
	last=$(find "$ISCSI_CACHE/build" -mindepth 2 -maxdepth 2 -name "${name%.tmp}" ! -empty -printf '%T@ %p\n' |
		sort -n | tail -n 1)
	if [ -n "$last" ]; then
		cp -a "${last#* }" "$1"
		find "$1" \( -name incremental -o -name '*iscsi*' -o -name '*scripted*' -o -name '*wire[-_]trim*' \) \
			-prune -exec rm -rf {} +
		find "$1" -path '*/deps/*' -type f -executable ! -name '*.so' -delete
	else
		mkdir -p "$1"
	fi
}

# cargo_room NAME: makes that directory of this checkout's, for what Cargo compiles.
cargo_room() {
	mkdir -p "$build"
	make_once "$build/$1" "room for what Cargo compiles" seed_cargo
}

# Prints the Debian mirror among apt's sources; apt knows none before its first update.
apt_mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 -E '/debian/?$'
}

# Prints the deb lines for trixie and its backports from the mirror that this machine's apt uses.
# With a trixie key at hand signatures are checked.
trixie_sources() {
	local mirror options=trusted=yes key
	mirror=${ISCSI_MIRROR:-$(apt_mirror || { apt-get -qq update >&2 && apt_mirror; } || true)}
	[ -n "$mirror" ] || die "no Debian archive among apt's sources; name one in ISCSI_MIRROR"
	for key in /usr/share/keyrings/debian-archive-trixie-automatic.{gpg,pgp}; do
		[ ! -e "$key" ] || options=signed-by=/usr/share/keyrings/debian-archive-keyring.${key##*.}
	done
	# An archive of the past has signatures of the past.
	[[ $mirror != *snapshot.debian.org* ]] || options+=' check-valid-until=no'
	printf 'deb [%s] %s trixie main\n' "$options" "$mirror"
	printf 'deb [%s] %s trixie-backports main\n' "$options" "$mirror"
}

# Installs host packages, if there is anything to install.
host_packages() {
	local package missing=()
	for package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
			missing+=("$package")
	done
	[ ${#missing[@]} != 0 ] || return 0
	say "installing ${missing[*]}"
	apt-get -qq update >&2
	DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends \
		"${missing[@]}" >&2 </dev/null
}
