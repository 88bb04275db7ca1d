#!/usr/bin/env bash
# Publishes membership events, a refresh and an erasure for Rollcall, with the nats CLI and jq.
#
#   NATS_URL=nats://127.0.0.1:4222 examples/nats-cli/publish.sh
#
# docs/publishing.md explains the rules that the comments name, and the flags of `nats pub`.
set -euo pipefail
export LC_ALL=C # [A-Z] means these letters only

stream=SEGMENT_EVENTS
source=/segmentation/example-nats-cli
ack_wait=2s
patience=30 # seconds; rule 2: at least 15, which a leader's election may take

# profile_key PROFILE: the id where it can stand in a subject, else a hash of it.
profile_key() {
  if [[ $1 =~ ^[A-Za-z0-9_-]{1,64}$ ]]; then
    printf '%s' "$1"
  else
    printf '~%s' "$(printf '%s' "$1" | sha256sum | cut -c1-32)"
  fi
}

# store ID SUBJECT BODY: tries with one id until there is an answer; sets answer, and tries. Rule 2: no answer means
# unknown.
store() {
  local deadline=$((SECONDS + patience))
  for ((tries = 1; ; tries++)); do
    # The body comes by standard input, since every user of this machine can read a program's arguments.
    if answer=$(printf '%s' "$3" | nats --timeout="$ack_wait" pub "$2" --jetstream --no-templates \
      --force-stdin --send-on=eof -H "Nats-Msg-Id:$source#$1" -H "Nats-Expected-Stream:$stream" \
      -H "content-type:application/cloudevents+json" 2>&1); then
      return 0
    fi
    ((SECONDS < deadline)) || { echo "it is unknown whether the stream has it: $answer" >&2; return 1; }
    sleep 0.25
  done
}

# publish SUBJECT TYPE DATA: sets sequence once the stream has the event.
publish() {
  local id body
  while :; do
    id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n') # rule 1: new for each publication
    body=$(id=$id source=$source type=$2 data=$3 jq -cn '{specversion: "1.0", id: env.id, source: env.source,
      type: env.type, time: (now | todate), datacontenttype: "application/json", data: (env.data | fromjson)}')
    store "$id" "$1" "$body" || return 1
    # Rule 3: a duplicate on the first try is somebody else's event of that id, so this one is not there.
    [[ $tries == 1 && $answer == *"Duplicate: true"* ]] || break
  done
  [[ $answer =~ Sequence:\ ([0-9,]+) ]] || { echo "nats pub said: $answer" >&2; return 1; }
  sequence=${BASH_REMATCH[1]//,/}
}

# change SEGMENT PROFILE entered|exited ATTRIBUTES: says that a profile is in a segment, or not in it any more.
change() {
  local subject=segments.membership.$1 data
  [[ $keyed != true ]] || subject+=.$(profile_key "$2")
  data=$(segment=$1 profile=$2 change=$3 attributes=$4 jq -cn \
    '{segment_id: env.segment, profile_id: env.profile, change: env.change, attributes: (env.attributes | fromjson)}')
  publish "$subject" rollcall.membership.changed.v1 "$data"
}

# refresh SEGMENT: publishes a segment as a whole, each row of standard input a profile of its own: its id, a tab, its
# attributes. Where a row fails there is no refreshed, and nobody leaves.
refresh() {
  local first='' count=0 profile attributes
  while IFS=$'\t' read -r profile attributes; do
    change "$1" "$profile" entered "$attributes" || return 1
    count=$((count + 1))
    ((sequence > ${first:-sequence})) || first=$sequence # rule 6: the lowest, when all are acknowledged
  done
  [[ -n $first ]] || first=$(nats stream info "$stream" --json | jq '.state.last_seq + 1')
  publish "segments.refreshed.$1.$first" rollcall.segment.refreshed.v1 "$(segment=$1 first=$first count=$count jq -cn \
    '{segment_id: env.segment, first_sequence: (env.first | tonumber), count: (env.count | tonumber)}')"
}

# erase PROFILE [EMAIL]: says that the person is to be forgotten, with the address that you know of.
erase() {
  publish "segments.erased.$(profile_key "$1")" rollcall.profile.erased.v1 "$(profile=$1 email=${2:-} jq -cn \
    '{profile_id: env.profile, emails: (if env.email == "" then [] else [env.email] end)}')"
}

# The stream's form: a membership's subject names the profile.
keyed=$(nats stream info "$stream" --json | jq '.config.subjects | index("segments.membership.*.*") != null')

ada='{"email":"ada@example.com","first_name":"Ada","country":"GB"}'
zoe='{"email":"zoe@example.com","first_name":"Zoë","city":"{{Count}} {{Time}}"}' # arrives as it is
grace='{"email":"grace@example.com","first_name":"Grace"}'
linus='{"email":"linus@example.com","first_name":"Linus"}'

# A segment that has no members yet.
refresh newsletter-optin </dev/null

# Rule 4: the next event of a profile follows the acknowledgement of the one before. An exit carries current
# attributes.
change high-value c0ffee entered "$ada"
change high-value zoë/7 entered "$zoe" # an id that can't stand in a subject
change high-value grace entered "$grace"
change high-value grace exited "$grace"
change newsletter-optin bob entered '{"email":"bob@example.com"}'
change high-value linus entered "$linus"

# Rule 5: nobody else publishes changes of the segment meanwhile. Bob is not in it any more.
printf '%s\t%s\n' c0ffee "$ada" zoë/7 "$zoe" | refresh newsletter-optin

erase linus linus@example.com
