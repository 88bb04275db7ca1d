package desk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/pipeline"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
)

// Active is the destination's loop, where it runs in this process.
type Active interface {
	Ask(ctx context.Context, look func(*state.State)) error
	Do(ctx context.Context, rec record.Command, with ...record.Record) error
	Retry(ctx context.Context, rec record.Command, sequences []uint64) (pipeline.Retried, error)
	Replay(ctx context.Context, rec record.Command, r record.Replay) (record.Replay, error)
	CancelReplay(ctx context.Context, rec record.Command) (record.Replay, error)
}

// SendGrid is what is asked of an account; nothing here changes it.
type SendGrid interface {
	Lookup(ctx context.Context, emails []string) (map[string]sendgrid.Found, error)
	Suppressed(ctx context.Context, email string) (bool, error)
	Counts(ctx context.Context) (sendgrid.Counts, error)
	FieldDefinitions(ctx context.Context) ([]sendgrid.FieldDefinition, error)
	Budget(route sendgrid.Route) sendgrid.Budget
}

// Options is what a desk works with.
type Options struct {
	Config      *config.Config
	Destination *config.Destination
	Conn        *broker.Conn
	SendGrid    SendGrid
	Replica     string // of this process, where it is active
	Active      Active // nil: nobody is active, and the ledger is read
	// Status gives the active loop's own numbers; nil where nobody is active.
	Status func() control.StatusAnswer
	Log    *zap.Logger
}

// Desk answers for one destination. It is safe for concurrent use.
type Desk struct {
	Options

	mu      sync.Mutex // covers what follows; held over the loading
	state   *state.State
	entry   uint64
	counts  sendgrid.Counts
	counted time.Time
}

// New returns a desk.
func New(o Options) *Desk {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Desk{Options: o}
}

// Command answers one command, as the micro service and the command line give it.
func (d *Desk) Command(ctx context.Context, command control.Command, request control.Request) (any, error) {
	do, ok := map[control.Command]func(context.Context, control.Request) (any, error){
		control.Status: d.status, control.Explain: d.explain, control.Waiting: d.waiting,
		control.Pause: d.note("pause"), control.Resume: d.note("resume"), control.Flush: d.note("flush"),
		control.Approve: d.approve, control.Retry: d.retry, control.Discard: d.discard, control.Backup: d.ledger,
		control.Verify: d.stand, control.Replay: d.replay,
	}[command]
	if !ok {
		return nil, &control.Error{Code: control.Misuse, Message: fmt.Sprintf("this build does not serve the command %s: start one that does, or use the command line of this build", command)}
	}
	answer, err := do(ctx, request)
	return answer, coded(err)
}

// coded gives the pipeline's refusals their code.
func coded(err error) error {
	var have *control.Error
	switch {
	case err == nil, errors.As(err, &have):
		return err
	case errors.Is(err, pipeline.ErrChanged), errors.Is(err, pipeline.ErrUnderWay), errors.Is(err, pipeline.ErrReplayUnderWay), errors.Is(err, pipeline.ErrNothingToDo):
		return &control.Error{Code: control.Conflict, Message: err.Error()}
	case errors.Is(err, pipeline.ErrNotActive):
		return &control.Error{Code: control.Conflict, Message: err.Error() + ": it is stopping here; ask again in a few seconds"}
	}
	return err
}

// look runs a reader over the state: the loop's, or the one that the ledger holds.
func (d *Desk) look(ctx context.Context, look func(*state.State)) error {
	if d.Active != nil {
		return d.Active.Ask(ctx, look)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == nil {
		state, entry, err := LoadState(ctx, d.Conn, d.Config, d.Destination)
		if err != nil {
			return err
		}
		d.state, d.entry = state, entry
	}
	look(d.state)
	return nil
}

// Loaded is a ledger as a reader found it.
type Loaded struct {
	State   *state.State
	Entry   uint64 // that the state is of; zero is a destination that never ran
	Foreign int    // messages on the ledger's subject that are no entries, and were passed over
}

// LoadLedger loads a destination's ledger, to be read: nothing is claimed or written.
func LoadLedger(ctx context.Context, conn *broker.Conn, cfg *config.Config, d *config.Destination) (Loaded, error) {
	journal, state, err := load(ctx, conn, cfg, d)
	if err != nil {
		return Loaded{}, err
	}
	return Loaded{State: state, Entry: journal.Tail(), Foreign: journal.Foreign()}, nil
}

// LoadState is LoadLedger for whoever needs the state, and the entry that it is of.
func LoadState(ctx context.Context, conn *broker.Conn, cfg *config.Config, d *config.Destination) (*state.State, uint64, error) {
	loaded, err := LoadLedger(ctx, conn, cfg, d)
	return loaded.State, loaded.Entry, err
}

// ErrNoLedger says that no consumer ever ran on the broker.
var ErrNoLedger = errors.New("there is no ledger on this broker: no consumer ever ran on it (start one with `consumer run`)")

// salt is the installation's; nothing is made where there is none.
func salt(ctx context.Context, conn *broker.Conn) ([]byte, error) {
	installation, found, err := conn.FindInstallation(ctx)
	switch {
	case errors.Is(err, broker.ErrStreamMissing), err == nil && !found:
		return nil, ErrNoLedger
	}
	return installation.TombstoneSalt, err
}

// spec is the destination's mapping, resolved.
func (d *Desk) spec(ctx context.Context) (mapping.Spec, error) {
	return ResolveMapping(ctx, d.SendGrid, d.Destination)
}

func (d *Desk) active() error {
	if d.Active == nil {
		return control.ErrNoneActive
	}
	return nil
}
