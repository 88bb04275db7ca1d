package app

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/internal/control"
	"rollcall/internal/desk"
)

// orphanage is what is known of the orphaned destinations, by their ledgers.
type orphanage struct {
	mu sync.Mutex
	at time.Time // of the last look
	of map[string]orphan
}

type orphan struct {
	entry  uint64 // the ledger's last
	answer control.StatusAnswer
}

// answers gives all of them in order; with a trouble they are of the last look.
func (o *orphanage) answers(trouble string) []control.StatusAnswer {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []control.StatusAnswer
	for _, one := range o.of {
		a := one.answer
		if trouble != "" {
			at := o.at.UTC()
			a.AsOf, a.Trouble = &at, trouble
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b control.StatusAnswer) int { return strings.Compare(a.Destination, b.Destination) })
	return all
}

// look keeps what the ledgers of these orphans say, and returns those that have one: one is loaded only if an entry came since.
func (o *orphanage) look(ctx context.Context, a *App, ids []string) (there []string, err error) {
	o.mu.Lock()
	before := o.of
	o.mu.Unlock()
	now := make(map[string]orphan, len(ids))
	for _, id := range ids {
		entry, err := a.conn.LastEntry(ctx, id)
		if err != nil {
			return nil, err
		}
		one, known := before[id]
		if !known || one.entry != entry || one.answer.Trouble != "" {
			answer, has := desk.Orphan(ctx, a.conn, a.cfg, id)
			if !has {
				continue
			}
			one = orphan{entry, answer}
		}
		letters, counted := a.letters.of(id)
		one.answer.DeadLetters, one.answer.LettersUncounted = letters, !counted
		now[id], there = one, append(there, id)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at, o.of = time.Now(), now
	return there, ctx.Err()
}
