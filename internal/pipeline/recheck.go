package pipeline

import (
	"context"
	"errors"
	"fmt"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// ErrBusy says that a contact is on its way here: it is rechecked once that has ended.
var ErrBusy = errors.New("a contact is on its way to SendGrid")

// Recheck notes that the account has these contacts no more, because a person was erased in another of its
// destinations, and adds those again that are desired here. It returns once that is committed.
func (d *Destination) Recheck(ctx context.Context, emails []string) error {
	var gone []contact.Handle
	busy := false
	err := d.Ask(ctx, func(s *state.State) {
		for _, e := range emails {
			h := s.Roster.Find([]byte(e))
			if h == 0 {
				continue
			}
			busy = busy || s.Flight.Of(h) != nil
			gone = append(gone, h)
		}
	})
	switch {
	case err != nil:
		return err
	case busy:
		return fmt.Errorf("destination %s: %w", d.opts.Destination, ErrBusy)
	case len(gone) == 0:
		return nil
	}
	return d.Do(ctx, record.Command{Name: "recheck", Who: "erasure"}, &record.Erased{Handles: gone})
}

// RecheckWhere is Recheck of the contacts whose e-mail is one of those that match knows.
func (d *Destination) RecheckWhere(ctx context.Context, match func(email []byte) bool) error {
	var emails []string
	err := d.Ask(ctx, func(s *state.State) {
		for h := contact.Handle(1); uint32(h) < s.Roster.Contacts(); h++ {
			if e := s.Roster.Email(h); len(e) > 0 && match(e) {
				emails = append(emails, string(e))
			}
		}
	})
	if err != nil || len(emails) == 0 {
		return err
	}
	return d.Recheck(ctx, emails)
}
