# setup.sh: what has to be installed before anything can be built.
#
# Sourced by tests/tour and tests/check.  `need_packages build` is enough for
# the daemon and the client; `need_packages build test` for the whole check.

BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config libmsgpack-dev
libevent-dev libxxhash-dev libssl-dev libsqlite3-dev libvips-dev
libgexiv2-dev libseccomp-dev libchafa-dev libutf8proc-dev"
TEST_PACKAGES="python3 libcmocka-dev binutils openssl libasan8 libubsan1
libtsan2 iproute2 util-linux libimage-exiftool-perl"

need_packages() {
	local group package missing=""

	command -v dpkg-query >/dev/null 2>&1 || return 0
	for group in "$@"; do
		case $group in
		build) set -- $BUILD_PACKAGES ;;
		test) set -- $TEST_PACKAGES ;;
		esac
		for package in "$@"; do
			dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
				grep -q 'ok installed' || missing="$missing $package"
		done
	done
	[ -n "$missing" ] || return 0
	echo "Installing:$missing"
	local as_root=""
	if [ "$(id -u)" != 0 ]; then
		as_root=sudo
		command -v sudo >/dev/null 2>&1 || {
			echo "Please install them as root:" >&2
			echo "  apt-get install --no-install-recommends$missing" >&2
			return 1
		}
	fi
	$as_root apt-get update -qq || true
	# shellcheck disable=SC2086
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends $missing >/dev/null
}

# Debian's own Python is the one apt-get can provide.
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=python3

# build_tree DIR [meson options...]: configure, build quietly, say the
# compiler's own words only when it has any.  With $targets set, only those.
build_tree() {
	local dir=$1
	shift
	local again=""
	[ -f "$dir/build.ninja" ] && again=--reconfigure
	meson setup $again "$dir" "$@" >"$dir.log" 2>&1 || {
		cat "$dir.log"
		rm -f "$dir.log"
		return 1
	}
	rm -f "$dir.log"
	# shellcheck disable=SC2086
	ninja -C "$dir" ${targets-} >"$dir/ninja.log" 2>&1 || {
		cat "$dir/ninja.log"
		return 1
	}
	grep -n 'warning:' "$dir/ninja.log" || true
}
