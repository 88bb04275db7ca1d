package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// The reasons for which a destination is not claimed: nothing is taken over.
var (
	ErrTargetChanged = errors.New("target_changed: the configuration names another list, account or base URL than the ledger; a new list is a new destination: give it a new id")
	ErrStreamChanged = errors.New("stream_changed: the event stream is not the one that the ledger was built from; when that is meant, run: consumer rebase DESTINATION")
)

// SameTarget judges whether a destination whose ledger is bound to one list may go on with another binding.
func SameTarget(have, want record.Binding) error {
	if have.List != want.List || have.BaseURL != want.BaseURL || have.OnBehalfOf != want.OnBehalfOf || have.Stream != want.Stream {
		return ErrTargetChanged
	}
	return nil
}

// position is how far a stream was read, and which one it was.
type position struct {
	created int64  // of the stream, unix nanoseconds
	cursor  uint64 // the last sequence that was taken
	newest  int64  // the highest broker time of what was taken, unix nanoseconds
}

// joins checks that a stream goes on where it was read to (H11): that it is not another one by the same name, that
// it has not lost its end, and that it was not put back to an older moment and has grown past the old end since.
// That last one shows by an event that is later than everything taken so far, and lies where it was taken from.
func joins(ctx context.Context, look Stream, st *broker.StreamState, p position) error {
	switch {
	case st.Created.UnixNano() != p.created:
		return fmt.Errorf("%w (it was made at %s)", ErrStreamChanged, st.Created.UTC().Format(time.RFC3339))
	case st.LastSeq < p.cursor:
		return fmt.Errorf("%w (it ends at sequence %d, the ledger has taken over %d)", ErrStreamChanged, st.LastSeq, p.cursor)
	case p.cursor == 0:
		return nil
	}
	first, there, err := look.SequenceAfter(ctx, st.Name, time.Unix(0, p.newest))
	if err != nil {
		return err
	}
	if there && first <= p.cursor {
		return fmt.Errorf("%w (sequence %d is later than all that was taken over up to %d: it was restored from a backup and has grown since)",
			ErrStreamChanged, first, p.cursor)
	}
	return nil
}

// Joins reports by an ErrStreamChanged that the stream is not the one that the state was built from, up to its cursor.
func Joins(ctx context.Context, look Stream, st *broker.StreamState, s *state.State) error {
	return joins(ctx, look, st, position{created: s.Meta.Claim.Binding.StreamCreated, cursor: s.Meta.Cursor, newest: s.Meta.Time})
}

// Whole reports by a ledger.ErrLost that a destination has an empty ledger and a durable consumer that was read from:
// its journal is gone, and what it knew of departed and erased persons with it.
func Whole(ctx context.Context, look Stream, destination, stream string, tail uint64) error {
	if tail > 0 {
		return nil
	}
	at, there, err := look.InspectConsumer(ctx, stream, destination)
	if err != nil || !there || at.Delivered == 0 && at.AckFloor == 0 {
		return err
	}
	return &ledger.LostError{
		Destination: destination,
		Detail:      fmt.Sprintf("the durable consumer %s has read stream %s up to sequence %d, and there is no journal", broker.DurableName(destination), stream, at.Delivered),
	}
}

// ends reports whether the stream itself keeps the run from going on.
func ends(err error) bool {
	_, unfit := errors.AsType[*broker.UnfitError](err)
	return unfit || errors.Is(err, ErrStreamChanged) || errors.Is(err, ErrEventsLost) || errors.Is(err, broker.ErrStreamMissing)
}
