package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
)

func newDumpCommand(env *Env) *cobra.Command {
	var reveal bool
	command := &cobra.Command{
		Use: "dump DESTINATION", Short: "Print a destination's journal, one record a line, as JSON",
		Long:    "Contacts are named by their number in the ledger. --reveal shows events' rows, which name persons.",
		Example: "  consumer ledger dump newsletter | jq 'select(.kind == \"Command\")'",
		Args:    arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				return env.dump(ctx, s, d, reveal)
			})
		},
	}
	command.Flags().BoolVar(&reveal, "reveal", false, "show the rows of events, which name persons")
	return command
}

// dumped is one line of a dump.
type dumped struct {
	Entry  uint64 `json:"entry"`
	Kind   string `json:"kind"`
	Record any    `json:"record,omitempty"`
	Rows   any    `json:"rows,omitempty"` // how many, or what they are
}

func (e *Env) dump(ctx context.Context, s *session, d *config.Destination, reveal bool) error {
	journal, err := ledger.Open(ctx, s.conn.JS, d.ID, ledger.Options{Gets: s.conn.Gets()})
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(e.Stdout)
	encoder.SetEscapeHTML(false)
	_, err = journal.Load(ctx, func(r io.Reader) error {
		n, err := io.Copy(io.Discard, r)
		if err != nil {
			return err
		}
		return encoder.Encode(dumped{Kind: "Snapshot", Record: map[string]int64{"bytes": n}})
	}, func(entry uint64, body []byte) error {
		return record.Records(body, func(rec record.Record) error {
			line := dumped{Entry: entry, Kind: kindOf(rec), Record: rec}
			if err := conceal(&line, rec, reveal); err != nil {
				return err
			}
			return encoder.Encode(line)
		})
	})
	return err
}

// conceal takes out what names persons, unless it is to be revealed.
func conceal(line *dumped, rec record.Record, reveal bool) error {
	var rows []byte
	switch r := rec.(type) {
	case *record.Commit:
		c := *r
		rows, c.Rows, line.Record = r.Rows, nil, &c
	case *record.Reread:
		rows, line.Record = r.Rows, &record.Reread{At: r.At}
	case *record.Refold:
		rows, line.Record = r.Rows, &record.Refold{At: r.At, Force: r.Force}
	case *record.Fill:
		f := *r
		rows, f.Rows, line.Record = r.Rows, nil, &f
	case *record.Replay:
		p := *r
		if !reveal {
			p.Profile = nil
		}
		line.Record = &p
		return nil
	case *record.Stand:
		st := *r
		line.Rows, st.Adopted = len(r.Adopted), nil
		line.Record = &st
		return nil
	default:
		return nil
	}
	n, shown := 0, []any{}
	err := record.Rows(rows, func(r *record.Row) {
		n++
		if reveal {
			shown = append(shown, revealed(r))
		}
	})
	line.Rows = n
	if reveal {
		line.Rows = shown
	}
	return err
}

func revealed(r *record.Row) any {
	return map[string]any{
		"sequence": r.Sequence, "kind": r.Kind, "segment": r.Segment, "profile": string(r.Profile), "entered": r.Entered,
		"email": string(r.Email), "attributes": r.Carries, "bad": r.Bad,
	}
}

// kindOf is the name of a record's type, whatever package has it.
func kindOf(rec record.Record) string {
	name := fmt.Sprintf("%T", rec)
	return name[strings.LastIndex(name, ".")+1:]
}
