package pipeline

import (
	"context"
	"io"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/mapping"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
)

// Journal is the destination's ledger. Append is fenced: an error that is ledger.ErrFenced means that
// another replica has claimed it.
type Journal interface {
	Load(ctx context.Context, snapshot func(io.Reader) error, entry func(uint64, []byte) error) (uint64, error)
	Append(ctx context.Context, body []byte) (uint64, error)
	Tail() uint64
}

// Compactor stores snapshots of the journal; ShredTo is PurgeTo that overwrites what it removes.
type Compactor interface {
	StoreSnapshot(ctx context.Context, covers uint64, write func(io.Writer) error) (ledger.Pointer, error)
	CommitPointer(ctx context.Context, p ledger.Pointer) (uint64, error)
	PurgeTo(ctx context.Context, p ledger.Pointer) error
	ShredTo(ctx context.Context, p ledger.Pointer) error
}

// Source hands out the stream's events in order. Next blocks until there are some.
type Source interface {
	Reset(ctx context.Context, from uint64) error
	Next(ctx context.Context) ([]broker.Message, error)
	Ack(ctx context.Context, sequence uint64) error
}

// Stream reads the event stream beside the source.
type Stream interface {
	InspectStream(ctx context.Context, name string) (broker.StreamState, error)
	InspectConsumer(ctx context.Context, stream, destination string) (broker.ConsumerState, bool, error)
	SequenceAfter(ctx context.Context, stream string, t time.Time) (uint64, bool, error)
	ReadSequences(ctx context.Context, stream string, sequences []uint64) ([]broker.Message, error)
	ReadRange(ctx context.Context, r broker.Range, visit func(broker.Message) error) error
}

// Letters sets events and contacts aside, and publishes receipts.
type Letters interface {
	PublishDeadLetters(ctx context.Context, letters []broker.DeadLetter) error
	PublishReceipt(ctx context.Context, destination string, body []byte) error
}

// Sender makes the requests that change SendGrid.
type Sender interface {
	Upsert(ctx context.Context, body []byte) (string, error)
	RemoveFromList(ctx context.Context, listID string, ids []string) (string, error)
	DeleteContacts(ctx context.Context, ids []string) (string, error)
}

// Finder reads how things stand at SendGrid. Resolve looks contacts up for a list, thousands by an export of
// it: then who is not on the list is not found.
type Finder interface {
	Lookup(ctx context.Context, emails []string) (map[string]sendgrid.Found, error)
	Resolve(ctx context.Context, listID string, emails []string) (map[string]sendgrid.Found, error)
	Exported(ctx context.Context, listID string, emails []string) (map[string]sendgrid.Found, error)
	Job(ctx context.Context, id string) (sendgrid.Job, error)
	JobErrors(ctx context.Context, url string) ([]sendgrid.JobError, error)
}

// Prober tells whether the destination could be sent to, how full the account is, and how much of the budget is
// left.
type Prober interface {
	List(ctx context.Context, id string) (sendgrid.List, error)
	Counts(ctx context.Context) (sendgrid.Counts, error)
	Budget(route sendgrid.Route) sendgrid.Budget
}

// Options is what one destination runs with.
type Options struct {
	Destination string
	Owner, Name string
	Replica     string
	ConfigHash  string
	Revision    int
	Binding     record.Binding
	Policy      state.Policy
	Batch       BatchLimits
	Mapping     mapping.Spec // its fields get their numbers from the ledger
	// Resolve asks SendGrid for the mapping's custom fields again; nil where nothing can change.
	Resolve func(context.Context) (mapping.Spec, error)
	// Check looks, before the first request that changes something at SendGrid, whether the destination can be sent to. It
	// returns what is wrong, with the reason to suspend it for; without a reason it passes by itself. Nil checks nothing.
	Check func(context.Context) (reason string, err error)
	Salt  []byte // the installation's
	// Hash names a contact in a log line; nil names none.
	Hash      func(email []byte) string
	Suspended string // a reason that the configuration gives; empty is none

	ReplayShare float64 // of the rate budget, for what replays and back-fills send; zero is all of it

	ExportFrom    int   // from how many contacts on the whole list is read instead of looking them up; zero is the client's
	SnapshotEvery int64 // bytes of journal between snapshots; zero is as many as suit the state's size

	Journal    Journal
	Compactor  Compactor
	Source     Source
	Stream     Stream
	Letters    Letters
	Sender     Sender
	Finder     Finder
	Prober     Prober
	Neighbours Neighbours // nil where the account has no other destination
	Purger     Purger     // nil keeps what the broker holds
	Observer   Observer
	Log        *zap.Logger

	// Wall is the system's clock, which is asked once, as New makes the destination; nil is time.Now.
	Wall func() time.Time
	// Admit judges, after the ledger was loaded and before it is claimed, whether this replica may claim it, from
	// the last claim and its own binding; nil admits.
	Admit func(last record.Claim, want record.Binding) error
	// Claimed is called once the claim is committed; nil is nobody.
	Claimed func()
	// Successor tells, while the destination is being stopped, whether another replica waits to run it; nil is none.
	Successor func() bool
	// Crash is told of each step, by whichever goroutine takes it, so that a test can stop the process there; nil but
	// in tests.
	Crash func(Step)
}

// BatchLimits bounds one upsert.
type BatchLimits struct{ MaxContacts, MaxBytes int }

// Observer is told of what metrics count. Its calls come from the loop: they must not block.
type Observer interface {
	Applied(op contact.Operation, lag time.Duration)
	Accepted(op contact.Operation, lag time.Duration)
	Committed(took time.Duration, bytes int)
}

type nobody struct{}

func (nobody) Applied(contact.Operation, time.Duration)  {}
func (nobody) Accepted(contact.Operation, time.Duration) {}
func (nobody) Committed(time.Duration, int)              {}
