#!/usr/bin/env bash
# Run the line under a profile, in a clone of its own: your params.yaml, dvc.lock, data and registry stay as they are.
#
#   tools/profile.sh NAME [DIR [PARAMS]]
#
# NAME    profiles/NAME.yaml, which holds what differs from PARAMS; where there is none, params.NAME.yaml, a whole
#         parameter file, which is taken as it is
# DIR     the clone (build/NAME); run again, it takes up your latest commit and redoes only what that changes
# PARAMS  the parameter file that the profile is laid over (params.yaml); a whole parameter file takes none
#
# What counts is HEAD; the parameter file and the profile are taken as they lie in the working tree. Uses .venv, or the
# environment that is active. Figures and numbers end in DIR/reports/paper, the registry is DIR/mlflow.db.
set -euo pipefail

fail() { echo "heamap: $1" >&2; exit 2; }

start=$PWD
cd "$(dirname "$0")/.."
root=$PWD
name=${1:-}
known=$(ls profiles/*.yaml params.*.yaml | sed -E 's,^(profiles/|params\.),,; s,\.yaml$,,' | sort -u | paste -sd ' ')
[ -n "$name" ] || fail "name a profile: tools/profile.sh NAME, one of $known"
profile=$root/profiles/$name.yaml
case ${2:-} in "") folder=$root/build/$name ;; /*) folder=$2 ;; *) folder=$start/$2 ;; esac
case ${3:-} in "") params=$root/params.yaml ;; /*) params=$3 ;; *) params=$start/$3 ;; esac
if [ ! -f "$profile" ]; then
    profile=
    [ -f "params.$name.yaml" ] || fail "$name: no such profile; there are $known"
    [ -z "${3:-}" ] || fail "params.$name.yaml is a whole parameter file and is laid over none; leave $3 out"
    params=$root/params.$name.yaml
fi

[ ! -d "$root/.venv/bin" ] || export PATH="$root/.venv/bin:$PATH"
unset MLFLOW_TRACKING_URI DVC_ROOT DVC_EXP_NAME
export DVC_NO_ANALYTICS=1 MLFLOW_DISABLE_TELEMETRY=true GX_ANALYTICS_ENABLED=false

# Before the clone is touched: a mistake in the parameters must not move it to another commit.
asked=$(mktemp)
trap 'rm -f "$asked"' EXIT
PYTHONPATH="$root/src:$root/serving" python - "$params" ${profile:+"$profile"} "$asked" <<'PYTHON'
import sys
from pathlib import Path

from heamap.errors import InputError
from heamap.profiles import write_merged, write_whole

try:
    (write_merged if len(sys.argv) == 4 else write_whole)(*map(Path, sys.argv[1:]))
except InputError as error:
    sys.exit(f"heamap: {error}")
PYTHON
# The tools must find the clone's sources and the clone's own registry, not yours.
export PYTHONPATH="$folder/src:$folder/serving"

if [ -d "$folder/.git" ]; then
    cd "$folder"
    git fetch -q "$root" HEAD
    # What the clone has already made is described by its own lock, not by the commit's.
    [ ! -f dvc.lock ] || [ -f .git/dvc.lock ] || cp dvc.lock .git/dvc.lock
    git reset -q --hard FETCH_HEAD
else
    [ ! -e "$folder" ] || fail "$folder is there already and is no clone; name another folder"
    git clone -q "$root" "$folder"
    cd "$folder"
fi
rm -f dvc.lock
[ ! -f .git/dvc.lock ] || mv .git/dvc.lock dvc.lock
cp "$asked" params.yaml
# The gate wants a clean commit, and the run shall know which parameters it had.
git -c user.name=heamap -c user.email=heamap@localhost commit -q --no-verify --all -m "Profile $name"
# Sources and parameters as before: stay on the commit that an interrupted training began on, or the gate takes it for one
# that was changed on the way.
last=refs/heamap/profile
if git rev-parse -q --verify "$last" > /dev/null && [ "$(git rev-parse HEAD^)" = "$(git rev-parse "$last^")" ] \
    && git diff --quiet "$last" HEAD -- . ':!dvc.lock'; then
    git reset -q "$last"
fi
git update-ref "$last" HEAD
dvc repro figures
echo "see $folder/reports/paper/index.html"
