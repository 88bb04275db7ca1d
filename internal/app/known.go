package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/scrub"
)

// known is what was last known of a destination: it is shown, with its time, while nobody can be asked.
type known struct {
	mu     sync.Mutex
	answer control.StatusAnswer
	at     time.Time // zero: nothing
}

func (k *known) keep(a control.StatusAnswer) control.StatusAnswer {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer, k.at = a, time.Now()
	return a
}

// stale gives what was known, or what is configured if nothing was, with the reason why nothing newer is.
func (k *known) stale(configured control.StatusAnswer, trouble string) control.StatusAnswer {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := configured
	if k.at.IsZero() {
		a.State = control.NotKnown
	} else {
		a = k.answer
		at := k.at.UTC()
		a.AsOf = &at
	}
	a.Trouble = scrub.Text(trouble)
	a.Next = control.Next(a.Destination, control.NotKnown, "")
	return a
}

// troubled says why nobody can be asked at all; empty if all is well.
func (a *App) troubled() string {
	err := a.readiness()
	switch {
	case errors.Is(err, errUnreached):
		return "the broker cannot be reached: what is shown was known before; nothing is taken over or sent meanwhile, and it goes on by itself"
	case err != nil:
		return err.Error()
	}
	return ""
}

// status is how one destination stands, here, at the replica that has it, or in the ledger.
func (r *runner) status(ctx context.Context) control.StatusAnswer {
	configured := desk.Describe(r.app.cfg, r.cfg)
	if trouble := r.app.troubled(); trouble != "" {
		return r.known.stale(configured, trouble)
	}
	if r.active.Load() != nil {
		return r.known.keep(r.answer(r.stats()))
	}
	asking, cancel := context.WithTimeout(ctx, askReplica)
	defer cancel()
	var answer control.StatusAnswer
	err := control.Call(asking, r.app.conn.NC, r.cfg.ID, control.Status, control.Request{}, &answer)
	switch {
	case err == nil:
		return r.known.keep(answer)
	case !errors.Is(err, control.ErrNoneActive):
		return r.known.stale(configured, "the active replica cannot be asked: "+err.Error())
	}
	return r.inactive(ctx)
}

// page is what was read last of a destination while nobody is active.
type page struct {
	mu     sync.Mutex
	entry  uint64 // the ledger's last
	answer control.StatusAnswer

	asked    time.Time // when the replicas were asked why nobody is active
	replicas []control.Replica
}

// askWhy is how long the replicas' reasons are taken as they are: asking takes a good part of a second for each destination.
const askWhy = 5 * time.Second

// why asks the replicas how they stand with the destination; who can't be asked leaves what this one knows.
func (r *runner) why(ctx context.Context) []control.Replica {
	r.page.mu.Lock()
	defer r.page.mu.Unlock()
	if time.Since(r.page.asked) < askWhy {
		return r.page.replicas
	}
	replicas, err := control.Replicas(ctx, r.app.conn.NC, r.cfg.ID)
	if err != nil {
		return []control.Replica{r.standing()}
	}
	r.page.replicas, r.page.asked = replicas, time.Now()
	return replicas
}

// stored is how a destination stands by its ledger, which is loaded again only if an entry came.
func (r *runner) stored(ctx context.Context) (control.StatusAnswer, error) {
	r.page.mu.Lock()
	defer r.page.mu.Unlock()
	from := desk.New(desk.Options{Config: r.app.cfg, Destination: r.cfg, Conn: r.app.conn, SendGrid: r.account.client, Log: r.app.log})
	entry, err := r.app.conn.LastEntry(ctx, r.cfg.ID)
	if err != nil {
		return control.StatusAnswer{}, err
	}
	letters, counted := r.app.letters.of(r.cfg.ID)
	if entry > 0 && entry == r.page.entry && counted {
		answer := r.page.answer
		answer.IntakePending, answer.DeadLetters, answer.LettersUncounted = from.Pending(ctx, answer.Cursor), letters, false
		return answer, nil
	}
	got, err := from.Command(ctx, control.Status, control.Request{})
	if err != nil {
		return control.StatusAnswer{}, err
	}
	answer, _ := got.(control.StatusAnswer)
	r.page.entry, r.page.answer = entry, answer
	return answer, nil
}

// inactive is how a destination stands that is active nowhere: by its ledger, and by what the replicas say why.
func (r *runner) inactive(ctx context.Context) control.StatusAnswer {
	answer, err := r.stored(ctx)
	if err != nil {
		answer = desk.Describe(r.app.cfg, r.cfg)
		answer.State = control.Inactive
	}
	answer.Standing(r.why(ctx))
	if err != nil {
		answer.Trouble = scrub.Text(err.Error())
		return answer
	}
	return r.known.keep(answer)
}
