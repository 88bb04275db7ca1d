#!/usr/bin/env bash
# Prints what the source measures: at a revision (the first argument, the last commit if none is given) beside the work tree.
# Usage: tools/shape.sh [REVISION]
set -euo pipefail
cd "$(dirname "$0")/.."
revision=${1:-HEAD}
before=$(mktemp -d)
trap 'git worktree remove --force "$before/tree" && rm -rf "$before"' EXIT
git worktree add -q --detach "$before/tree" "$revision"

figures() { # figures ROOT
  ROLLCALL_SHAPE_ROOT=$1 go test -count=1 -v -run '^TestShapeReport$' ./internal/house | sed -n 's/^shape: //p' | sort
}

printf '%-64s %10s %10s\n' "figure" "$(git rev-parse --short "$revision")" "work tree"
join -t "$(printf '\t')" -a 1 -a 2 -e - -o 0,1.2,2.2 <(figures "$before/tree") <(figures "$PWD") |
  awk -F '\t' '{printf "%-64s %10s %10s\n", $1, $2, $3}'
