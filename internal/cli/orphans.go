package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/control"
	"rollcall/internal/desk"
)

const ledgerSubject = "rollcall.ledger."

// orphans are destinations of the ledger that are neither in the file nor claimed by a live replica.
func (s *session) orphans(ctx context.Context) ([]control.StatusAnswer, error) {
	ids, err := s.ledgers(ctx)
	if err != nil {
		return nil, err
	}
	var orphans []control.StatusAnswer
	for _, id := range ids {
		if _, ours := s.cfg.Destination(id); ours {
			continue
		}
		replicas, err := control.Replicas(ctx, s.conn.NC, id)
		if err != nil {
			return nil, exit(err)
		}
		if len(replicas) > 0 {
			continue
		}
		orphans = append(orphans, desk.Orphan(ctx, s.conn, s.cfg, id))
	}
	return orphans, nil
}

// orphansAmong are the orphans that are named, or all where nobody is.
func (s *session) orphansAmong(ctx context.Context, ids []string) ([]control.StatusAnswer, error) {
	strange := slices.ContainsFunc(ids, func(id string) bool { _, ours := s.cfg.Destination(id); return !ours })
	if len(ids) > 0 && !strange {
		return nil, nil
	}
	orphans, err := s.orphans(ctx)
	if len(ids) > 0 {
		orphans = slices.DeleteFunc(orphans, func(a control.StatusAnswer) bool { return !slices.Contains(ids, a.Destination) })
	}
	return orphans, err
}

// ledgers are the destinations that the ledger's stream knows.
func (s *session) ledgers(ctx context.Context) ([]string, error) {
	stream, err := s.conn.JS.Stream(ctx, broker.LedgerStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at stream %s: %w", broker.LedgerStream, err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(ledgerSubject+">"))
	if err != nil {
		return nil, fmt.Errorf("look at stream %s: %w", broker.LedgerStream, err)
	}
	var ids []string
	for subject := range info.State.Subjects {
		if id := strings.TrimPrefix(subject, ledgerSubject); !strings.HasPrefix(id, "_") {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}
