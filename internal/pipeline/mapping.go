package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"rollcall/internal/health"
	"rollcall/internal/mapping"
	"rollcall/internal/state"
)

// ErrRemapped ends a run whose custom fields turned out to be others at SendGrid: the next claim reads the events
// again for them.
var ErrRemapped = errors.New("SendGrid's custom fields were resolved anew; the destination is claimed again with them")

// resolveFields settles what is mapped, and with it what the binding says of it. Custom fields that SendGrid could not be
// asked for are those of the claim before; one that is not known at all is left out.
func (l *loop) resolveFields(s *state.State) error {
	o := &l.opts
	var before mapping.Spec
	if text := s.Meta.Claim.Binding.Mapping; text != "" {
		_ = json.Unmarshal([]byte(text), &before) // a form that this build can't read tells nothing
	}
	l.resolved = o.Mapping.ResolvedLike(before)
	if o.Binding.Mapping == "" {
		canonical, err := json.Marshal(l.resolved)
		if err != nil {
			return fmt.Errorf("destination %s: encode the mapping: %w", o.Destination, err)
		}
		o.Binding.Mapping = string(canonical)
	}
	return nil
}

// tellMissing suspends a destination whose custom fields are not all known: events are taken over meanwhile, nothing is
// sent, and they are mapped again once the fields are there.
func (l *loop) tellMissing() {
	if len(l.resolved.Fields) == len(l.opts.Mapping.Fields) {
		return
	}
	if l.health.FieldsMissing() == health.Suspended {
		l.log.Error("suspended: events are taken over, nothing is sent; custom fields of the mapping are missing at SendGrid (see: consumer check)",
			zap.Strings("fields", l.opts.Mapping.Unresolved()))
	}
}

// resolveAgain asks for the custom fields. Others than before end the run.
func (l *loop) resolveAgain(ctx context.Context) func() {
	spec, err := l.opts.Resolve(ctx)
	return func() {
		if err != nil || len(spec.Unresolved()) > 0 {
			l.health.Looked(false)
			return
		}
		canonical, err := json.Marshal(spec)
		switch {
		case err != nil:
			l.health.Looked(false)
			l.log.Error("the mapping cannot be encoded", zap.Error(err))
		case string(canonical) != l.opts.Binding.Mapping:
			l.health.Looked(false)
			l.ending = ErrRemapped
		default:
			l.noteHealth(l.health.FieldsFound(), nil)
		}
	}
}
