package desk

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/pipeline"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
)

// Removal is what a removed destination's contacts are taken off the list with.
type Removal struct {
	Destination *config.Destination
	Account     *config.Account
	SendGrid    *sendgrid.Account
	Who         string
	Comment     string
	Progress    func(state.Stats)
}

// Empty claims an orphaned destination as one without segments, and returns when every contact that
// Rollcall had on its list is off it, applied. The guard is not asked: an operator asked for it.
func Empty(ctx context.Context, conn *broker.Conn, cfg *config.Config, o Removal) error {
	journal, state, err := load(ctx, conn, cfg, o.Destination)
	if err != nil {
		return err
	}
	if state.Claim().Epoch == 0 {
		return nil
	}
	salt, err := salt(ctx, conn)
	if err != nil {
		return err
	}
	bound := state.Claim().Binding
	if bound.BaseURL != o.Account.BaseURL || bound.OnBehalfOf != o.Account.OnBehalfOf {
		return fmt.Errorf("the list %s belongs to an account at %s, and account %s is at %s", bound.List, bound.BaseURL, o.Account.ID, o.Account.BaseURL)
	}
	bound.Segments = nil
	policy := Policy(o.Destination, o.Account)
	policy.Guard.MinRemovals, policy.Guard.MaxShare, policy.Guard.Interval = math.MaxInt32, 1, time.Hour
	d := pipeline.New(pipeline.Options{
		Destination: o.Destination.ID, Replica: "remove by " + o.Who, ConfigHash: cfg.Hash(), Revision: int(cfg.Revision), Salt: salt,
		Binding: bound, Policy: policy, Batch: pipeline.BatchLimits{MaxContacts: 1, MaxBytes: 1 << 20}, Mapping: mapping.Spec{EmailAttribute: "email"},
		Journal: journal, Compactor: journal, Source: pipeline.Idle{}, Stream: conn, Letters: conn,
		Sender: o.SendGrid, Finder: o.SendGrid, Prober: o.SendGrid, Purger: conn,
	})
	return untilEmpty(ctx, d, o)
}

// untilEmpty runs the destination until nothing of it is listed.
func untilEmpty(ctx context.Context, d *pipeline.Destination, o Removal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	err := letGo(ctx, d, o)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for err == nil {
		var listed, moving int
		err = d.Ask(ctx, func(s *state.State) {
			st := s.Stats()
			listed, moving = st.Listed, st.OnTheWay+st.InDoubt+st.Window
		})
		if err != nil || listed+moving == 0 {
			break
		}
		o.Progress(d.Stats())
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-ticker.C:
		}
	}
	cancel()
	return errors.Join(err, <-ended)
}

// letGo gives the commands that a removal needs: a paused destination takes nobody off, and what the guard held before
// stays held until somebody approves it.
func letGo(ctx context.Context, d *pipeline.Destination, o Removal) error {
	for _, name := range []string{"remove", "resume", "approve"} {
		if err := d.Do(ctx, record.Command{Name: name, Who: o.Who, Comment: o.Comment}); err != nil {
			return err
		}
	}
	return nil
}

// Forget removes everything of a destination from the broker: its ledger, durable consumer, dead letters and
// receipts. Its lease ends by itself.
func Forget(ctx context.Context, conn *broker.Conn, destination, stream string) error {
	journal, err := ledger.Open(ctx, conn.JS, destination, ledger.Options{Gets: conn.Gets()})
	if err != nil {
		return err
	}
	for _, p := range []struct{ stream, subject string }{
		{broker.DeadLetterStream, "rollcall.dead." + destination + ".>"},
		{broker.ReceiptStream, "rollcall.receipts." + destination},
	} {
		s, err := conn.JS.Stream(ctx, p.stream)
		if err == nil {
			err = s.Purge(ctx, jetstream.WithPurgeSubject(p.subject))
		}
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("purge %s of stream %s: %w", p.subject, p.stream, err)
		}
	}
	if stream != "" {
		if err := conn.DeleteConsumer(ctx, stream, destination); err != nil {
			return err
		}
	}
	return journal.Abandon(ctx) // last: without it nothing shows that the rest is to be removed
}

// Bound is what an orphaned destination's ledger is bound to, and how it stands.
func Bound(ctx context.Context, conn *broker.Conn, cfg *config.Config, destination string) (record.Binding, state.Stats, error) {
	loaded, entry, err := LoadState(ctx, conn, cfg, &config.Destination{ID: destination})
	if err != nil {
		return record.Binding{}, state.Stats{}, err
	}
	if entry == 0 {
		return record.Binding{}, state.Stats{}, &control.Error{Code: control.NotFound, Message: "the ledger knows no destination " + destination}
	}
	return loaded.Claim().Binding, loaded.Stats(), nil
}
