package desk

import (
	"context"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
)

// countsFresh is how long an account's count is taken as it is: it lags behind by half a minute anyway.
const countsFresh = time.Minute

// status tells how the destination stands.
func (d *Desk) status(ctx context.Context, request control.Request) (any, error) {
	if err := request.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	answer, err := d.numbers(ctx)
	if err != nil {
		return nil, err
	}
	d.countLetters(ctx, &answer, func(ctx context.Context) (map[string]uint64, error) {
		letters, err := Letters(ctx, d.Conn, d.Destination.ID, control.LetterFilter{Limit: 1})
		return letters.ByReason, err
	})
	d.addDue(&answer)
	if d.Active != nil {
		if n, ok := d.contacts(ctx); ok {
			answer.AccountContacts = &n
		}
	}
	return answer, nil
}

// numbers are the loop's own, or what the ledger and the stream hold.
func (d *Desk) numbers(ctx context.Context) (control.StatusAnswer, error) {
	var answer control.StatusAnswer
	if d.Status != nil {
		answer = d.Status()
	} else {
		answer = Describe(d.Config, d.Destination)
		answer.State = control.Inactive
	}
	err := d.look(ctx, func(s *state.State) {
		if d.Status == nil {
			answer.Fill(s.Stats())
			answer.LedgerRevision = uint64(max(s.Claim().Revision, 0))
			answer.OldestUnappliedSeconds = state.Stats{Oldest: s.Oldest()}.Age(time.Now()).Seconds()
		}
		held := s.Held()
		answer.HeldRemovals, answer.HeldSweeps, answer.HeldDigest = held.Count, held.Sweeps, held.Digest
		if r := s.Replay(); r != nil {
			progress := control.Progress(r, s.Outcome())
			answer.Replay = &progress
		}
	})
	if err != nil {
		return answer, err
	}
	if d.Status == nil {
		answer.IntakePending = d.Pending(ctx, answer.Cursor)
		answer.NearlyFull = broker.Nearly(d.Conn.Fills(ctx, append(broker.InternalStreams(), d.Destination.Stream)))
		answer.Advise()
	}
	return answer, nil
}

// Pending is how many events the broker has beyond the cursor, of all segments, while nobody is active: nobody draws them.
func (d *Desk) Pending(ctx context.Context, cursor uint64) uint64 {
	if at, ok, err := d.Conn.InspectConsumer(ctx, d.Destination.Stream, d.Destination.ID); err == nil && ok && at.Delivered >= cursor {
		return at.Pending + at.Delivered - cursor
	}
	st, err := d.Conn.InspectStream(ctx, d.Destination.Stream)
	if err != nil && st.Name == "" || st.LastSeq < cursor {
		return 0
	}
	return st.LastSeq - cursor
}

// addDue tells how many requests what is dirty needs, and how long the rate budget makes them take.
func (d *Desk) addDue(answer *control.StatusAnswer) {
	per := max(d.Destination.Batch.MaxContacts, 1)
	answer.RequestsDue = (answer.Window + per - 1) / per
	if d.SendGrid == nil {
		return
	}
	if b := d.SendGrid.Budget(sendgrid.RouteUpsert); b.Limit > 0 && answer.RequestsDue > b.Remaining {
		windows := float64(answer.RequestsDue-b.Remaining) / float64(b.Limit)
		answer.BudgetSeconds = max(time.Until(b.Reset).Seconds(), 0) + windows*60
	}
}

// contacts is the account's count, asked for at most once a minute.
func (d *Desk) contacts(ctx context.Context) (int64, bool) {
	if d.SendGrid == nil {
		return 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counted.IsZero() || time.Since(d.counted) > countsFresh {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		counts, err := d.SendGrid.Counts(ctx)
		if err != nil {
			return 0, false
		}
		d.counts, d.counted = counts, time.Now()
	}
	return int64(d.counts.Contacts), true
}

// Describe is what the configuration says of a destination.
func Describe(cfg *config.Config, d *config.Destination) control.StatusAnswer {
	a := control.StatusAnswer{
		Destination: d.ID, Name: d.Name, Owner: d.Owner, Account: d.Account, ListID: d.ListID, ProfileCap: d.ProfileCap,
		ConfigHash: cfg.Hash(), Revision: cfg.Revision,
	}
	if account, ok := cfg.Account(d.Account); ok {
		a.AccountCap = account.ProfileCap
	}
	return a
}
