package pipeline

import (
	"unicode/utf8"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
)

// What an entry may hold is bounded by bytes: the broker takes no message above its limit, and whoever takes over would
// come to the same entry again.
const (
	maxReason  = 1 << 10   // bytes of a reason that the ledger keeps; the dead letter has all of it
	maxPart    = 128 << 10 // bytes of one record that names contacts with reasons
	maxNamed   = 2000      // contacts that one names
	maxHandles = 40_000    // contacts that one names without anything else
	itemBytes  = 16        // of a contact's number and the length of its reason, at most
)

// shorten cuts a reason at a character.
func shorten(reason string) string {
	if len(reason) <= maxReason {
		return reason
	}
	n := maxReason
	for n > 0 && !utf8.RuneStart(reason[n]) {
		n--
	}
	return reason[:n]
}

// fitting is how many of the items one record has room for, one at least; size is an item's bytes.
func fitting(items int, size func(int) int) int {
	n, bytes := 0, 0
	for n < items && n < maxNamed {
		if bytes += itemBytes + size(n); n > 0 && bytes > maxPart {
			break
		}
		n++
	}
	return n
}

// parts cuts exceptions into records that an entry has room for: each names those of a batch that have ended
// otherwise than the rest.
func parts(batch uint64, at int64, all []record.Exception) []record.Record {
	var out []record.Record
	for n := range all {
		all[n].Reason = shorten(all[n].Reason)
	}
	for len(all) > 0 {
		n := fitting(len(all), func(i int) int { return len(all[i].Reason) })
		out = append(out, &record.Settled{Batch: batch, At: at, Exceptions: all[:n:n]})
		all = all[n:]
	}
	return out
}

// withoutParts ends a batch that had no effect in records that an entry has room for; the last one ends the rest of it.
func withoutParts(batch uint64, at int64, refusals []record.Refusal) []record.Record {
	var out []record.Record
	for n := range refusals {
		refusals[n].Reason = shorten(refusals[n].Reason)
	}
	for {
		n := fitting(len(refusals), func(i int) int { return len(refusals[i].Reason) })
		rec := &record.NoEffect{Batch: batch, At: at, Due: at, Refused: refusals[:n:n]}
		refusals = refusals[n:]
		if out = append(out, rec); len(refusals) == 0 {
			return out
		}
		rec.Only = make([]contact.Handle, 0, n)
		for _, r := range rec.Refused {
			rec.Only = append(rec.Only, r.Handle)
		}
	}
}
