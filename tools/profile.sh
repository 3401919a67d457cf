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
# The tools must find the clone's sources and the clone's own registry, not yours.
export PYTHONPATH="$folder/src:$folder/serving"
unset MLFLOW_TRACKING_URI DVC_ROOT DVC_EXP_NAME
export DVC_NO_ANALYTICS=1 MLFLOW_DISABLE_TELEMETRY=true GX_ANALYTICS_ENABLED=false

if [ -d "$folder/.git" ]; then
    cd "$folder"
    before=$(git rev-parse HEAD)
    git fetch -q "$root" HEAD
    # What the clone has already made is described by its own lock, not by the commit's.
    [ ! -f dvc.lock ] || cp dvc.lock .git/dvc.lock
    git reset -q --hard FETCH_HEAD
else
    [ ! -e "$folder" ] || fail "$folder is there already and is no clone; name another folder"
    git clone -q "$root" "$folder"
    cd "$folder"
    before=
fi
rm -f dvc.lock
[ ! -f .git/dvc.lock ] || mv .git/dvc.lock dvc.lock
python - "$params" ${profile:+"$profile"} <<'PYTHON'
import sys
from pathlib import Path

from heamap.errors import InputError
from heamap.profiles import write_merged, write_whole

try:
    (write_merged if len(sys.argv) == 3 else write_whole)(*map(Path, sys.argv[1:]), Path("params.yaml"))
except InputError as error:
    sys.exit(f"heamap: {error}")
PYTHON
# The gate wants a clean commit, and the run shall know which parameters it had.
git -c user.name=heamap -c user.email=heamap@localhost commit -q --no-verify --all -m "Profile $name"
# Sources and parameters as before: stay on the commit that an interrupted training began on, or the gate takes it for one
# that was changed on the way.
if [ -n "$before" ] && [ "$(git rev-parse HEAD^)" = "$(git rev-parse "$before^")" ] \
    && git diff --quiet "$before" HEAD -- . ':!dvc.lock'; then
    git reset -q "$before"
fi
dvc repro figures
echo "see $folder/reports/paper/index.html"
