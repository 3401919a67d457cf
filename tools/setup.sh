#!/usr/bin/env bash
# Make .venv: the pinned dependencies, Horovod built against the pinned TensorFlow, and heamap itself.
# Safe to run first, again, and after an interruption.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "heamap: $1" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

python=$(find_python) || fail "Python 3.11 was not found; install it, or name it: make PYTHON=/path/to/python3.11"
command -v "${CXX:-g++}" >/dev/null || fail "the C++ compiler ${CXX:-g++} was not found; install one, or name it: make CXX=..."
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "$python lacks venv; install it (Debian: python3.11-venv)"

rm -f .venv/ready
if ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    "$python" -m venv --clear .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-setup.lock

# uv does not read pip's configuration: where that names a mirror, follow it.
mirror=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
[ -z "$mirror" ] || export UV_DEFAULT_INDEX="$mirror"
export UV_PYTHON="$PWD/.venv/bin/python" UV_LINK_MODE="${UV_LINK_MODE:-copy}"
.venv/bin/uv pip sync --quiet --require-hashes requirements.lock

# Horovod takes minutes to build: its wheel is kept outside the clone, under a name made of all that went into it.
key=$({ cat requirements-horovod.lock tools/horovod/build.sh; cat $(find tools/horovod/include -type f | sort)
        grep -A 1 '^tensorflow==' requirements.lock; .venv/bin/python -VV; uname -sm; "${CXX:-g++}" -dumpfullversion
      } | sha256sum | cut -c 1-16)
wheels="${XDG_CACHE_HOME:-$HOME/.cache}/heamap/horovod-$key"
if ! ls "$wheels"/horovod-*.whl >/dev/null 2>&1; then
    echo "heamap: building Horovod against TensorFlow (a few minutes, once)"
    rm -rf "$wheels" "$wheels.partial"
    tools/horovod/build.sh .venv/bin/python requirements-horovod.lock "$wheels.partial" || fail "Horovod could not be built; the compiler's last lines are above"
    # A copy that was cut short must not be taken for the wheel.
    mv "$wheels.partial" "$wheels"
fi
.venv/bin/uv pip install --quiet --no-deps "$wheels"/horovod-*.whl
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
touch .venv/ready
