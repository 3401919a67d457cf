#!/usr/bin/env bash
# Build the Horovod wheel against the TensorFlow of .venv: TensorFlow and Gloo only, no MPI, no GPU.
# usage: tools/horovod/build.sh PYTHON REQUIREMENTS OUT_DIR
#
# TensorFlow's wheel no longer ships the XLA headers that Horovod's xla_mpi_ops.cc includes. That file's body
# serves GPU builds only, so headers of our own, found first, stand in for them (see include/ and docs/decisions.md).
set -euo pipefail
python=$1 requirements=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
PATH="$(cd "$(dirname "$python")" && pwd):$PATH" \
CXXFLAGS="-I$here/include ${CXXFLAGS:-}" \
HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1 HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_MPI=1 \
MAKEFLAGS="-j$(nproc)" \
    "$python" -m pip wheel --quiet --no-cache-dir --no-build-isolation --no-deps --no-binary horovod --require-hashes \
    --requirement "$requirements" --wheel-dir "$build" >"$build/log" 2>&1 || { tail -n 30 "$build/log" >&2; exit 1; }
mkdir -p "$out"
mv "$build"/horovod-*.whl "$out"
