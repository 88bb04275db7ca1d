package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/desk"
	"rollcall/internal/people"
)

// receipt is what people see of one.
type receipt struct {
	Kind      string    `json:"kind"`
	Time      time.Time `json:"time"`
	Operation string    `json:"operation"`
	Batch     uint64    `json:"batch"`
	Job       string    `json:"job"`
	Requested int       `json:"requested"`
	Applied   int       `json:"applied"`
	Refused   int       `json:"refused"`
	Reason    string    `json:"reason"`
	Accepted  int64     `json:"accepted_after_ms"`
	After     int64     `json:"applied_after_ms"`
	Segment   string    `json:"segment"`
	Events    int       `json:"events"`

	Sequence    uint64 `json:"sequence"` // of the event that asked for an erasure
	Contacts    any    `json:"contacts"` // words of an erasure, a number of a replay
	Letters     uint64 `json:"dead_letters_overwritten"`
	Overwritten uint64 `json:"events_overwritten"`
	Ledger      string `json:"ledger"`

	EventsUntil  string   `json:"events_until"`  // when the stream drops events that nobody may overwrite, or "never"
	RechecksOwed []string `json:"rechecks_owed"` // destinations that look at the deleted contacts once they run
}

func (r *receipt) line() string {
	text := stamp(&r.Time) + "  " + r.Kind
	switch r.Kind {
	case "job":
		text += fmt.Sprintf(" %s of batch %d: %s asked, %s applied, %s refused, after %s", r.Operation, r.Batch,
			count(r.Requested), count(r.Applied), count(r.Refused), span(float64(r.After)/1000))
	case "replay":
		text += ": " + people.Of(r.Events, "event")
	case "erasure":
		text += fmt.Sprintf(" by event %s: contacts %v; %s and %s overwritten; ledger %s", count(r.Sequence), r.Contacts,
			people.Of(r.Letters, "dead letter"), people.Of(r.Overwritten, "event"), r.Ledger)
		if r.EventsUntil == "never" {
			text += "; events that nobody may overwrite stay for ever"
		} else if r.EventsUntil != "" {
			text += "; events that nobody may overwrite stay until " + r.EventsUntil
		}
		if len(r.RechecksOwed) > 0 {
			text += "; to be looked at by " + strings.Join(r.RechecksOwed, ", ") + " once they run"
		}
	case "refresh":
		text += " of " + r.Segment
	}
	if r.Reason != "" {
		text += " (" + r.Reason + ")"
	}
	return oneLine(text)
}

func newReceiptsCommand(env *Env) *cobra.Command {
	var limit int
	var since, kind string
	command := &cobra.Command{
		Use: "receipts DESTINATION", Short: "Show the records of finished jobs, replays, refreshes and erasures",
		Long: "One line a receipt, the newest last; --json prints them whole, one object a line. They hold no personal data.\n" +
			"Receipts age out; those of erasures, their proofs, stay, also when their destination was removed.",
		Example: "  consumer receipts newsletter --since 24h\n  consumer receipts newsletter --json --limit 0 | jq -s 'map(.applied) | add'",
		Args:    arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			if err := limited(limit); err != nil {
				return err
			}
			from, err := ago(since)
			if err != nil {
				return err
			}
			return env.withOld(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				return env.receipts(ctx, s, d, desk.ReceiptFilter{Since: from, Kind: kind, Limit: limit})
			})
		},
	}
	command.Flags().IntVar(&limit, "limit", 50, "show the newest `N`; 0 is all")
	command.Flags().StringVar(&since, "since", "", "those after a `TIME`: RFC 3339, or a duration ago")
	command.Flags().StringVar(&kind, "kind", "", "of one `KIND`: job, replay, refresh or erasure")
	completed(command, "kind", receiptKinds)
	env.jsonFlag(command)
	return command
}

func (e *Env) receipts(ctx context.Context, s *session, d *config.Destination, f desk.ReceiptFilter) error {
	bodies, err := desk.ChosenReceipts(ctx, s.conn, d.ID, f)
	if err != nil {
		return exit(err)
	}
	if len(bodies) == 0 && !e.json {
		_, err := fmt.Fprintf(e.Stdout, "%s has no receipts\n", d.ID)
		return err
	}
	for _, body := range bodies {
		text := string(body)
		if !e.json {
			text = receiptLine(body)
		}
		if _, err := io.WriteString(e.Stdout, text+"\n"); err != nil {
			return fmt.Errorf("print the receipts: %w", err)
		}
	}
	return nil
}

// ago reads a time as operators write it.
func ago(text string) (time.Time, error) {
	t, err := desk.Since(text, time.Now())
	return t, exit(err)
}
