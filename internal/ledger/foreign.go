package ledger

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Whoever may publish on a journal's subject can put a message there that is no entry. It is not believed: every reader passes
// it over, and the owner goes on behind it and removes it. An entry is known by the headers that a Journal sets; against
// somebody who sets them as well only the broker's accounts protect.

const (
	maxRemembered = 4096 // strangers' messages to be removed one by one; a snapshot's purge takes away the rest
	maxRemoved    = 64   // beside one entry
	removalPause  = time.Minute
)

// strangers are the messages on a journal's subject that are no entries of ours.
type strangers struct {
	there  []uint64 // by sequence, of those that were seen
	noted  uint64   // the newest that was ever seen
	fresh  int      // seen since they were told last
	paused time.Time
}

// Foreign is how many messages lie on the journal's subject that are no entries of ours, as far as the last Load and every
// Append since saw them.
func (j *Journal) Foreign() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.foreign.there)
}

// noteForeign remembers a stranger's message, in order.
func (j *Journal) noteForeign(seq uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f := &j.foreign
	if seq > f.noted {
		f.noted = seq
		f.fresh++
	}
	if n := len(f.there); n < maxRemembered && (n == 0 || seq > f.there[n-1]) {
		f.there = append(f.there, seq)
	}
}

// forgetForeign begins a reading that notes them all.
func (j *Journal) forgetForeign() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.foreign.there = nil
}

// tellForeign tells of those that were not told yet.
func (j *Journal) tellForeign() {
	j.mu.Lock()
	fresh, noted := j.foreign.fresh, j.foreign.noted
	j.foreign.fresh = 0
	j.mu.Unlock()
	if fresh == 0 {
		return
	}
	j.log.Warn("messages on the ledger's subject are no entries of ours: they are passed over, and the owner removes them; "+
		"somebody may publish there who should not, see docs/permissions.md",
		zap.String("destination", j.destination), zap.Int("messages", fresh), zap.Uint64("last", noted))
	if j.told != nil {
		j.told(fresh)
	}
}

// removeForeign removes what lies before an entry that was just committed: by it this Journal is known to be the owner.
func (j *Journal) removeForeign(ctx context.Context, entry uint64) {
	j.mu.Lock()
	before, _ := slices.BinarySearch(j.foreign.there, entry)
	j.foreign.there = j.foreign.there[:before] // what is noted behind it was of a stream that is not there any more
	remove := slices.Clone(j.foreign.there[:min(before, maxRemoved)])
	paused := time.Now().Before(j.foreign.paused)
	j.mu.Unlock()
	if len(remove) == 0 || paused {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	var err error
	gone := 0
	for _, seq := range remove {
		if err = j.store.drop(ctx, seq); err != nil {
			break
		}
		gone++
	}
	j.mu.Lock()
	j.foreign.there = slices.Clone(j.foreign.there[gone:])
	if err != nil {
		j.foreign.paused = time.Now().Add(removalPause)
	}
	j.mu.Unlock()
	if err != nil {
		j.log.Warn("a message on the ledger's subject that is no entry of ours cannot be removed yet; it is passed over",
			zap.String("destination", j.destination), zap.Uint64("sequence", remove[gone]), zap.Error(err))
	}
}

// end is how a journal ends.
type end struct {
	last     message // the last entry; of no earlier one than was asked for
	found    bool
	stranger uint64 // the last message, where it is a stranger's behind that entry
}

// errLags says that not all was read up to the last message: a replica of the broker lags, or the owner removed it meanwhile.
var errLags = errors.New("the end of the journal could not be read whole")

// tailOf reads the journal's end, from an entry on where the last message is a stranger's.
func (j *Journal) tailOf(ctx context.Context, from uint64) (end, error) {
	try, cancel := context.WithTimeout(ctx, tryTimeout)
	last, found, err := j.store.last(try)
	cancel()
	if err != nil || !found || !last.foreign {
		return end{last: last, found: found}, err
	}
	through := last.seq
	if through < from {
		return end{}, nil // what lay between is gone
	}
	ctx, cancel = context.WithTimeout(ctx, readPatience)
	defer cancel()
	var e end
	read := uint64(0)
	err = j.store.read(ctx, reading{from: max(from, 1), headers: true}, func(m message) error {
		if read = m.seq; m.foreign {
			e.stranger = m.seq
			j.noteForeign(m.seq)
			return nil
		}
		e.last, e.found, e.stranger = m, true, 0
		return nil
	})
	j.tellForeign()
	if err == nil && read < through {
		err = errLags // a claim may lie in what was not read (I2)
	}
	return e, err
}

// drop removes a message, overwritten: what a stranger wrote may name persons.
func (s *streamStore) drop(ctx context.Context, seq uint64) error {
	err := s.stream.SecureDeleteMsg(ctx, seq)
	var refused jetstream.JetStreamError
	if errors.As(err, &refused) && refused.APIError() != nil && refused.APIError().Code < 500 {
		return nil // it is gone already
	}
	return err
}
