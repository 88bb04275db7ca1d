#!/usr/bin/env bash
# Applies each mutant to a copy of the tree, and fails where the model does not notice it: `make mutants`. A mutant is one
# wrong line of the kind that nobody sees in review. MUTANTS=03 runs one alone. A patch that begins with a line `# test: ARGUMENTS` is
# to be noticed by `go test ARGUMENTS` instead: by tests that stage what the model seldom meets.
set -uo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
copy=$(mktemp -d) && trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- --ignore-failed-read 2>/dev/null | tar -x -C "$copy"
cd "$copy"
survived=() broken=()
for patch in "$root"/testdata/mutants/${MUTANTS:-}*.patch; do
  name=$(basename "$patch" .patch) start=$SECONDS
  read -ra named < <(sed -n '1s/^# test: //p' "$patch")
  ((${#named[@]})) || named=(./internal/model -run 'Corpus|Random' -seed 1 -histories "${HISTORIES:-3000}" -shrink=false)
  if ! patch -s -p1 <"$patch" || ! go build ./internal/... ; then
    broken+=("$name")
    echo "$name: does not apply or build: make it anew"
  elif go test -timeout 5m -count=1 "${named[@]}" >"$copy/.log" 2>&1; then
    survived+=("$name")
    echo "$name: SURVIVED ($((SECONDS - start)) s)"
  else
    echo "$name: noticed after $((SECONDS - start)) s: $(grep -m1 -oE '([HI][0-9]+: .*|fields of .*|.* is on the list, .*|the list holds .*|it does not settle.*|.* is intended .*|I10: .*|panic: .*|--- FAIL: .*)' "$copy/.log" | cut -c1-110)"
  fi
  patch -s -R -p1 <"$patch" >/dev/null 2>&1
done
if ((${#survived[@]} + ${#broken[@]})); then
  echo "survived: ${survived[*]:-none}; broken: ${broken[*]:-none}"
  exit 1
fi
