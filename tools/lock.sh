#!/usr/bin/env bash
# Write the hash-pinned lock files from pyproject.toml. They name no index and no download address.
set -euo pipefail
cd "$(dirname "$0")/.."
compile=(.venv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --no-annotate)
"${compile[@]}" --extra line --extra dev pyproject.toml --output-file requirements.lock
"${compile[@]}" --extra serving --constraint requirements.lock pyproject.toml --output-file requirements-serving.lock
echo uv | "${compile[@]}" - --output-file requirements-setup.lock
echo 'horovod==0.28.1' | "${compile[@]}" --no-deps - --output-file requirements-horovod.lock
