package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rollcall/internal/contact"
	"rollcall/internal/ledger/record"
	"rollcall/internal/plan"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
)

const lookAtOnce = 100 // SendGrid takes so many e-mails in a look-up

// ErrBusy says that a contact is on its way here: it is rechecked once that has ended.
var ErrBusy = errors.New("a contact is on its way to SendGrid")

// Recheck notes that another destination of the account has deleted these contacts, because a person was erased there,
// and adds those again that are desired here. It returns once that is committed.
//
// A contact may have come back since: the other destination may ask late. So one that is listed is gone only if a look-up
// misses it, and none of our tries to add it can be too fresh for that. Otherwise it stays listed, with fields of which
// nothing is known: it is sent again if it is desired, and looked up by its removal if it is not. One that is not listed is
// added in any case if it is desired: nothing changes for it.
func (d *Destination) Recheck(ctx context.Context, emails []string) error {
	before, err := d.recheckable(ctx, emails)
	if err != nil || len(before) == 0 {
		return err
	}
	missed := d.missed(ctx, before)
	now, err := d.recheckable(ctx, emails)
	if err != nil {
		return err
	}
	gone, stand := &record.Erased{}, &record.Stand{At: d.now().UnixNano()}
	for h, at := range now {
		if was, ok := before[h]; ok && was == at && missed[at.email] {
			gone.Handles = append(gone.Handles, h)
		} else {
			stand.Listed = append(stand.Listed, h)
		}
	}
	if len(now) == 0 {
		return nil
	}
	slices.Sort(gone.Handles)
	slices.Sort(stand.Listed)
	// Those that stand come first: what they are noted at is the time of the others too, whose record has none (I13).
	return d.Do(ctx, record.Command{Name: "recheck", Who: "erasure"}, stand, gone)
}

// rechecked is how a contact stands that another destination has deleted.
type rechecked struct {
	email string
	add   int64 // unix seconds of our last try to add it
}

// recheckable returns how those of the contacts stand that are listed. It fails if one is on its way.
func (d *Destination) recheckable(ctx context.Context, emails []string) (map[contact.Handle]rechecked, error) {
	known, busy := map[contact.Handle]rechecked{}, false
	shown := d.shown()
	err := d.Ask(ctx, func(s *state.State) {
		for _, e := range emails {
			h := s.Roster.Find([]byte(e))
			if h == 0 {
				continue
			}
			busy = busy || s.Flight.Of(h) != nil
			if at := s.Book.At(h); at.Listed() {
				// A refused contact is not sent again: whether it is gone has to be told by a look-up, once one can tell.
				busy = busy || at.Place() == plan.Refused && at.LastAdd() >= shown
				known[h] = rechecked{e, at.LastAdd()}
			}
		}
	})
	if err == nil && busy {
		err = fmt.Errorf("destination %s: %w", d.opts.Destination, ErrBusy)
	}
	return known, err
}

// shown is a moment, in unix seconds: what was added before it shows in look-ups.
func (d *Destination) shown() int64 {
	p := d.opts.Policy
	return d.now().Add(-p.Timeout - p.Scaled(p.Horizon)).Unix()
}

// missed looks up those that SendGrid would show if they were there. Of whom it learns nothing it says nothing:
// a destination that cannot look anybody up keeps nobody's erasure waiting.
func (d *Destination) missed(ctx context.Context, known map[contact.Handle]rechecked) map[string]bool {
	p, missed, shown := d.opts.Policy, map[string]bool{}, d.shown()
	var ask []string
	for _, at := range known {
		if at.add < shown {
			ask = append(ask, at.email)
		}
	}
	slices.Sort(ask)
	for some := range slices.Chunk(ask, lookAtOnce) {
		ctx, cancel := context.WithTimeout(sendgrid.WithOwner(ctx, d.opts.Destination), p.Timeout)
		found, err := d.opts.Finder.Lookup(ctx, some)
		cancel()
		if err != nil {
			continue
		}
		for _, e := range some {
			f, there := found[e]
			missed[e] = !there || !slices.Contains(f.Lists, d.opts.Binding.List)
		}
	}
	return missed
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
