package app

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ask"
	"rollcall/internal/broker"
	"rollcall/internal/control"
	"rollcall/internal/placement"
	"rollcall/internal/telemetry"
)

// watch starts what looks at the other replicas: who is there, whether the leases are spread evenly, and which
// destinations of the ledger belong to nobody.
func (a *App) watch(ctx context.Context) {
	self := broker.Presence{Replica: a.opts.Replica, ConfigHash: a.cfg.Hash(), Revision: int(a.cfg.Revision)}
	for _, r := range a.runners {
		self.Serves = append(self.Serves, r.cfg.ID)
	}
	slices.Sort(self.Serves)
	a.board = a.conn.NewBoard(broker.BoardOptions{Self: self, TTL: a.cfg.NATS.Takeover, Log: a.log})
	a.running.Go(func() {
		if a.made(ctx) {
			a.board.Run(ctx)
		}
	})
	a.running.Go(func() { a.spread(ctx) })
	a.running.Go(func() { a.watchOrphans(ctx) })
}

// longestCalm is for how long the same replicas have to be there before leases move, whatever nats.takeover is: destinations are
// spread 30 s after a replica has come.
const longestCalm = 10 * time.Second

// spread gives leases away when the same replicas have been there for as long as a crashed one takes to be missed.
// A move costs a moment's pause of a destination, so it waits for calm.
func (a *App) spread(ctx context.Context) {
	var replicas []string
	since := time.Now()
	for ctx.Err() == nil {
		view, next := a.board.View()
		var now []string
		for _, p := range view.Replicas {
			now = append(now, p.Replica)
		}
		if !slices.Equal(now, replicas) {
			replicas, since = now, time.Now()
		}
		if time.Since(since) > min(a.cfg.NATS.Takeover, longestCalm) {
			since = time.Now()
			for _, id := range placement.Surplus(placed(view), a.opts.Replica) {
				a.giveAway(id)
			}
		}
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

// placed is what placement works from.
func placed(v broker.View) placement.View {
	out := placement.View{Holders: make(map[string]string, len(v.Holders))}
	for _, p := range v.Replicas {
		out.Replicas = append(out.Replicas, placement.Replica{Name: p.Replica, Serves: p.Serves, Declines: p.Declines})
	}
	for id, h := range v.Holders {
		out.Holders[id] = h.Replica
	}
	return out
}

func (a *App) giveAway(id string) {
	for _, r := range a.runners {
		if release := r.leased.Load(); r.cfg.ID == id && release != nil {
			r.log.Info("handed over: another replica has fewer destinations")
			(*release)()
		}
	}
}

const lookForOrphans = 10 * time.Second

// watchOrphans shows destinations that have a ledger and are in no live replica's file. They are never claimed.
func (a *App) watchOrphans(ctx context.Context) {
	shown := map[string]*telemetry.Destination{}
	for ok := true; ok; ok = ask.Pause(ctx, min(lookForOrphans, 2*a.cfg.NATS.Takeover)) {
		ids, err := a.orphans(ctx)
		if err != nil {
			if ctx.Err() == nil {
				a.log.Debug("look for orphaned destinations", zap.Error(err))
			}
			continue
		}
		if ids, err = a.orphaned.look(ctx, a, ids); err != nil {
			continue
		}
		for id, m := range shown {
			if !slices.Contains(ids, id) {
				m.Speak(false)
				delete(shown, id)
			}
		}
		for _, id := range ids {
			if shown[id] == nil {
				shown[id] = a.metrics.Destination(id)
				a.log.Warn("orphaned: a destination has a ledger and is in no replica's configuration", zap.String("destination", id))
			}
			shown[id].Speak(true)
			shown[id].SetState(telemetry.Orphaned, "")
		}
		for _, one := range a.orphaned.answers("") {
			if m := shown[one.Destination]; m != nil {
				m.SetLevel(levelOf(&one))
				m.LettersPresent(one.DeadLetters)
			}
		}
	}
}

// orphans lists the destinations that have a ledger, are not in our file, and are run by no live replica.
func (a *App) orphans(ctx context.Context) ([]string, error) {
	ids, err := a.conn.LedgerDestinations(ctx)
	if err != nil {
		return nil, err
	}
	view, _ := a.board.View()
	known := map[string]bool{}
	for _, r := range a.runners {
		known[r.cfg.ID] = true
	}
	for _, p := range view.Replicas {
		for _, id := range slices.Concat(p.Serves, p.Declines) {
			known[id] = true
		}
	}
	for id := range view.Holders {
		known[id] = true
	}
	return slices.DeleteFunc(ids, func(id string) bool { return known[id] }), nil
}

// standbys are the replicas that could run a destination and do not.
func (a *App) standbys(id, active string) []control.Replica {
	var out []control.Replica
	view, _ := a.board.View()
	for _, p := range view.Replicas {
		declines := slices.Contains(p.Declines, id)
		if p.Replica == active || (!declines && !slices.Contains(p.Serves, id)) {
			continue
		}
		out = append(out, control.Replica{Name: p.Replica, ConfigHash: p.ConfigHash, Revision: uint64(max(p.Revision, 0)), StaleConfig: declines})
	}
	return out
}
