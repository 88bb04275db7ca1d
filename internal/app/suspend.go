package app

import (
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"rollcall/internal/desk/check"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
)

var errStale = errors.New("stale_config: a newer configuration than this replica's is in force; start it again with the newer file")

// suspension tells the reason of an error that a destination ended with, and whether another replica may do better.
func suspension(err error) (reason string, declines bool) {
	if errors.Is(err, errStale) {
		return "", true // no suspension: another replica runs it, or will
	}
	return check.Reason(err)
}

// stopped notes why the destination could not go on, and reports whether another replica may do better. The same
// reason is logged once, however often it is tried again.
func (r *runner) stopped(err error) (declines bool) {
	reason, declines := suspension(err)
	before := r.reason.Swap(&reason)
	r.stale.Store(errors.Is(err, errStale))
	switch {
	case errors.Is(err, ledger.ErrFenced):
		r.log.Info("standing by: another replica has claimed the destination")
	case errors.Is(err, errStale):
		r.log.Warn("standing by", zap.Error(err))
	case reason == "":
		r.log.Error("the destination stopped; it is started again", zap.Error(err))
	case before == nil || *before != reason:
		r.log.Error("suspended: nothing is taken over", zap.String("reason", reason), zap.Error(err))
	}
	return declines
}

// admit judges whether this replica may claim: not with a lower revision than the ledger's, and at the same one not
// with another binding while a replica is there that has the ledger's.
func (r *runner) admit(last record.Claim, want record.Binding) error {
	mine := int(r.app.cfg.Revision)
	if last.Revision > mine {
		return fmt.Errorf("%w (revision %d is in force, this replica has %d)", errStale, last.Revision, mine)
	}
	if last.Revision < mine || last.ConfigHash == r.app.cfg.Hash() || sameBinding(last.Binding, want) {
		return nil
	}
	view, _ := r.app.board.View()
	for _, p := range view.Replicas {
		if p.Replica != r.app.opts.Replica && p.ConfigHash == last.ConfigHash && slices.Contains(p.Serves, r.cfg.ID) {
			return fmt.Errorf("%w (another replica has the configuration of the ledger at the same revision, %d: raise `revision` in the newer file)", errStale, mine)
		}
	}
	return nil
}

// sameBinding compares what a configuration says; when the stream was made is none of it.
func sameBinding(a, b record.Binding) bool {
	return a.BaseURL == b.BaseURL && a.OnBehalfOf == b.OnBehalfOf && a.List == b.List && a.Stream == b.Stream &&
		slices.Equal(slices.Sorted(slices.Values(a.Segments)), slices.Sorted(slices.Values(b.Segments))) &&
		a.Mapping == b.Mapping && a.Normalisation == b.Normalisation
}
