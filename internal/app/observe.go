package app

import (
	"context"
	"time"

	"rollcall/internal/ask"
	"rollcall/internal/contact"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/pipeline"
	"rollcall/internal/state"
	"rollcall/internal/telemetry"
)

// observer passes what the pipeline tells on to the metrics.
type observer struct {
	m    *telemetry.Destination
	lags *lags
}

func (o observer) Applied(op contact.Operation, lag time.Duration) {
	o.m.AppliedAfter(op, lag)
	o.lags.add(lag)
	o.m.Operations(op, telemetry.Applied, 1)
}

func (o observer) Accepted(op contact.Operation, lag time.Duration) {
	o.m.AcceptedAfter(op, lag)
	o.m.Operations(op, telemetry.Accepted, 1)
}

func (o observer) Committed(took time.Duration, _ int) { o.m.Committed(took) }

// sample shows the destination's level once a second while it is active here.
func (r *runner) sample(ctx context.Context) {
	var last state.Stats
	var rare sampled
	for ask.Pause(ctx, time.Second) {
		st, d := r.stats(), r.active.Load()
		if d == nil {
			last, rare = state.Stats{}, sampled{ledgerAt: rare.ledgerAt}
			r.held.Store(nil)
			if st.Suspended != "" {
				r.metrics.SetState(telemetry.Suspended, st.Suspended)
				r.sampleLedger(ctx, &rare)
			}
			continue
		}
		if r.app.reached() {
			r.sampleHeld(ctx, &rare, d, st)
			r.sampleRefreshes(ctx, &rare, d)
			r.known.keep(r.answer(st))
		}
		r.count(st, last)
		r.metrics.SetState(stateOf(st), st.Suspended)
		r.metrics.SetLevel(r.level(st))
		if letters, counted := r.app.letters.of(r.cfg.ID); counted {
			r.metrics.LettersPresent(letters)
		}
		last = st
	}
}

// count passes on what was done since the last look.
func (r *runner) count(st, last state.Stats) {
	for kind := range st.Kinds {
		typ, now, before := telemetry.EventType(kind), st.Kinds[kind], last.Kinds[kind]
		r.metrics.Events(typ, telemetry.Folded, growth(now.Folded, before.Folded))
		r.metrics.Events(typ, telemetry.Stale, growth(now.Stale, before.Stale))
		r.metrics.Events(typ, telemetry.Dead, growth(now.Dead, before.Dead))
	}
	r.metrics.Operations(contact.Upsert, telemetry.Refused, growth(st.Refused, last.Refused))
	r.metrics.Fields(telemetry.Omitted, growth(st.Omitted, last.Omitted))
	r.metrics.Fields(telemetry.Uncleared, growth(st.Uncleared, last.Uncleared))
	for reason, n := range st.Letters {
		for range growth(n, last.Letters[reason]) {
			r.metrics.DeadLetter(reason)
		}
	}
}

// growth is how much a count has grown. One that is lower than it was has begun anew, with the destination's run.
func growth(now, before uint64) int {
	if now < before {
		return int(now)
	}
	return int(now - before)
}

func stateOf(st state.Stats) telemetry.State {
	switch {
	case st.Suspended != "":
		return telemetry.Suspended
	case st.Paused:
		return telemetry.Paused
	case st.Held+st.HeldSweeps > 0:
		return telemetry.Held
	}
	return telemetry.Running
}

// heldNow is what is held, as far as the last look at it goes.
func (r *runner) heldNow(st state.Stats) state.Held {
	if held := r.held.Load(); held != nil {
		return *held
	}
	return state.Held{Count: st.Held}
}

func (r *runner) level(st state.Stats) telemetry.Level {
	return telemetry.Level{
		Contacts: telemetry.Contacts{
			Listed: st.Listed, Dirty: st.Dirty(),
			Window: st.Window, OnTheWay: st.OnTheWay, InDoubt: st.InDoubt, Waiting: st.Waiting, Held: st.Held, Refused: st.RefusedNow,
		},
		Slots: st.Slots, ProfileCap: r.cfg.ProfileCap, IntakePending: st.Pending, JobsInFlight: st.Jobs, LedgerBytes: st.LedgerBytes,
		OldestUnapplied: st.Age(time.Now()), HeldRemovals: r.heldNow(st).Count,
	}
}

// handler does operators' commands on the active replica, and what the account's other destinations ask of it.
type handler struct {
	*desk.Desk
	destination *pipeline.Destination
}

// Command answers one command.
func (h handler) Command(ctx context.Context, command control.Command, request control.Request) (any, error) {
	if command != control.Recheck {
		return h.Desk.Command(ctx, command, request)
	}
	var args recheckArgs
	if err := request.Decode(&args); err != nil {
		return nil, err
	}
	return nil, h.destination.Recheck(ctx, args.Emails)
}
