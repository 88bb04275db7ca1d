package cli

import (
	"context"
	"errors"
	"slices"

	"rollcall/internal/broker"
	"rollcall/internal/control"
	"rollcall/internal/desk"
)

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
		if orphan, there := desk.Orphan(ctx, s.conn, s.cfg, id); there {
			orphans = append(orphans, orphan)
		}
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
	ids, err := s.conn.LedgerDestinations(ctx)
	if errors.Is(err, broker.ErrStreamMissing) {
		return nil, nil
	}
	return ids, err
}
