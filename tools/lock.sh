#!/usr/bin/env bash
# Write the hash-pinned lock files from pyproject.toml, every package at its newest allowed version. They name no index and
# no download address.
set -euo pipefail
cd "$(dirname "$0")/.."
# uv does not read pip's configuration: where that names a mirror, follow it. The files written name none.
mirror=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
[ -z "$mirror" ] || export UV_DEFAULT_INDEX="$mirror"
compile=(.venv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --no-annotate)
"${compile[@]}" --extra line --extra dev pyproject.toml --output-file requirements.lock
"${compile[@]}" --extra serving --constraint requirements.lock pyproject.toml --output-file requirements-serving.lock
echo uv | "${compile[@]}" - --output-file requirements-setup.lock
echo 'horovod==0.28.1' | "${compile[@]}" --no-deps - --output-file requirements-horovod.lock
