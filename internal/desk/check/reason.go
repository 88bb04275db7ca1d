package check

import (
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/desk"
	"rollcall/internal/health"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/pipeline"
	"rollcall/internal/sendgrid"
	"rollcall/internal/wire"
)

// reasons are why a destination is not claimed, by the error that says so. Where another replica may do better, its
// configuration or build being another, it is left to that one.
var reasons = []struct {
	err      error
	reason   string
	declines bool
}{
	{pipeline.ErrTargetChanged, "target_changed", true},
	{pipeline.ErrStreamChanged, "stream_changed", false},
	{broker.ErrStreamMissing, "stream_missing", false},
	{ledger.ErrLost, "ledger_lost", false},
	{jetstream.ErrStreamNotFound, "ledger_lost", false}, // of the ledger: of the event stream it is ErrStreamMissing
	{jetstream.ErrBucketNotFound, "ledger_lost", false}, // the snapshots' bucket
	{ledger.ErrDamaged, "ledger_damaged", false},
	{wire.ErrCut, "ledger_damaged", false}, // of an entry or a snapshot
	{ledger.ErrNewerBuild, "newer_build", true},
	{record.ErrUnknownRecord, "newer_build", true},
}

// Reason is the reason of a suspension that an error tells of, and whether another replica may do better. Empty is an
// error that passes by itself, as an outage does, or that nothing is known of.
func Reason(err error) (reason string, declines bool) {
	if unfit, is := errors.AsType[*broker.UnfitError](err); is {
		if unfit.Ours() {
			return "ledger_stream_unfit", false
		}
		return "stream_unfit", false
	}
	if limit, is := errors.AsType[*broker.LimitError](err); is {
		switch {
		case limit.Ours():
			return "ledger_stream_unfit", false
		case limit.Limit == broker.MaxConsumers:
			return "stream_unfit", false
		}
		return "stream_missing", false
	}
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.reason, r.declines
		}
	}
	if answer, ok := errors.AsType[*sendgrid.Error](err); ok {
		return health.ReasonOf(answer.Class, answer.Route).String(), false
	}
	if errors.Is(err, desk.ErrFields) {
		return "fields", false
	}
	return "", false
}
