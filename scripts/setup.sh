# Sourced by the other scripts: a virtual environment in the checkout with what they need.
# Leaves nothing outside the checkout but apt packages; works offline once it has run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PIP_CACHE_DIR="$root/.cache/pip" PIP_DISABLE_PIP_VERSION_CHECK=1
venv="$root/.venv"

say() { printf '%s\n' "$*" >&2; }
fail() { say "edgehands: $*"; exit 1; }

# Install Debian packages where that is possible; say in one line what to install where it isn't.
apt_install() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "please install: apt install $*"
        as_root=(sudo)
    fi
    command -v apt-get >/dev/null || fail "please install with your package manager: $*"
    say "installing $* (apt)"
    "${as_root[@]}" apt-get update -qq >&2 || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        >&2 || fail "could not install; please run: apt install $*"
}

# A Python that can make virtual environments.
find_python() {
    local name
    for name in "${EDGEHANDS_PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        [ -n "$name" ] && command -v "$name" >/dev/null || continue
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.maxsize < 2**32)' || continue
        python=$name
        return 0
    done
    return 1
}

# set_up EXTRAS: make or complete .venv so that the package and these extras are in it.
set_up() {
    local extras=$1 wanted stamp
    if ! find_python; then
        apt_install python3 python3-venv
        find_python || fail "Python 3.11 or newer (64-bit) is needed, $(python3 --version 2>&1 || echo none) is here"
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install python3-venv
    fi
    stamp="$venv/edgehands-${extras//,/-}.stamp"
    wanted="$("$python" --version) $root $(cksum <"$root/pyproject.toml")"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return 0
    fi
    # An environment that was moved, or made by another Python, can't be repaired.
    if ! "$venv/bin/python" -c "import sys; sys.exit(sys.prefix != '$venv')" 2>/dev/null; then
        rm -rf "$venv"
        "$python" -m venv "$venv" || fail "could not make $venv; please run: apt install python3-venv"
    fi
    say "installing edgehands[$extras] into .venv"
    "$venv/bin/python" -m pip install -q -e "$root[$extras]" || fail "pip could not install edgehands[$extras]: is the network up?"
    printf '%s' "$wanted" >"$stamp"
}
