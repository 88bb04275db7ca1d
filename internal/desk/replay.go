package desk

import (
	"context"
	"fmt"

	"rollcall/internal/control"
	"rollcall/internal/ledger/record"
)

// replay starts a replay, or ends the one under way.
func (d *Desk) replay(ctx context.Context, request control.Request) (any, error) {
	var args control.ReplayArgs
	if err := request.Decode(&args); err != nil {
		return nil, err
	}
	if err := d.active(); err != nil {
		return nil, err
	}
	rec := record.Command{Who: request.Who, Comment: request.Comment, Detail: readAgain(args)}
	var r record.Replay
	var err error
	if args.Cancel {
		rec.Detail = ""
		r, err = d.Active.CancelReplay(ctx, rec)
	} else {
		r, err = d.Active.Replay(ctx, rec, ReplayOf(args, d.share()))
	}
	if err != nil {
		return nil, err
	}
	return control.ReplayAnswer{Destination: d.Destination.ID, ReplayProgress: control.Progress(&r, nil)}, nil
}

// ReplayOf is the record of a replay that the arguments ask for.
func ReplayOf(args control.ReplayArgs, share float64) record.Replay {
	r := record.Replay{From: args.From, Until: args.Until, Segment: args.Segment, Force: args.Force, Planned: args.Planned, Share: share}
	if args.Profile != "" {
		r.Profile = []byte(args.Profile)
	}
	return r
}

func (d *Desk) share() float64 {
	if a, ok := d.Config.Account(d.Destination.Account); ok {
		return a.ReplayShare
	}
	return 0
}

// readAgain describes a replay for the ledger's note. It names nobody.
func readAgain(args control.ReplayArgs) string {
	text := fmt.Sprintf("from event %d", max(args.From, 1))
	if args.Until > 0 {
		text += fmt.Sprintf(" until event %d", args.Until)
	}
	if args.Segment != "" {
		text += " of segment " + args.Segment
	}
	if args.Profile != "" {
		text += " of one profile"
	}
	if args.Force {
		text += ", forced"
	}
	return text
}
