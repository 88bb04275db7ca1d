package desk

import (
	"context"
	"errors"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/control"
	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// note is a command that is nothing but its entry.
func (d *Desk) note(name string) func(context.Context, control.Request) (any, error) {
	return func(ctx context.Context, request control.Request) (any, error) {
		if err := request.Decode(&struct{}{}); err != nil {
			return nil, err
		}
		if err := d.active(); err != nil {
			return nil, err
		}
		return struct{}{}, d.Active.Do(ctx, record.Command{Name: name, Who: request.Who, Comment: request.Comment})
	}
}

// approve lets go of what was shown. Without a count and a digest it lets go of what is held now.
func (d *Desk) approve(ctx context.Context, request control.Request) (any, error) {
	var args control.ApproveArgs
	if err := request.Decode(&args); err != nil {
		return nil, err
	}
	if err := d.active(); err != nil {
		return nil, err
	}
	var held state.Held
	if err := d.look(ctx, func(s *state.State) { held = s.Held() }); err != nil {
		return nil, err
	}
	if args.Digest != "" {
		held = state.Held{Count: args.Count, Digest: args.Digest}
	}
	if held.Count+len(held.Sweeps) == 0 {
		return nil, &control.Error{Code: control.Conflict, Message: "nothing is held"}
	}
	err := d.Active.Do(ctx, record.Command{
		Name: "approve", Who: request.Who, Comment: request.Comment, Count: held.Count, Digest: held.Digest,
	})
	return held, err
}

// ledger tells the commands that were given and, where it is asked for, a digest of the whole state.
func (d *Desk) ledger(ctx context.Context, request control.Request) (any, error) {
	var args control.LedgerArgs
	if err := request.Decode(&args); err != nil {
		return nil, err
	}
	answer := control.LedgerAnswer{Destination: d.Destination.ID, Commands: []record.Command{}}
	var err error
	look := d.look(ctx, func(s *state.State) {
		st := s.Stats()
		answer.Cursor, answer.Epoch, answer.Profiles, answer.Contacts, answer.Listed = st.Cursor, st.Epoch, st.Profiles, st.Contacts, st.Listed
		answer.Commands = append(answer.Commands, s.Commands()...)
		if args.Digest {
			answer.Digest, err = s.Digest()
		}
	})
	return answer, errors.Join(look, err)
}

// stand notes what a verify found, by e-mail. Contacts on their way are passed over.
func (d *Desk) stand(ctx context.Context, request control.Request) (any, error) {
	var args control.StandArgs
	if err := request.Decode(&args); err != nil {
		return nil, err
	}
	if err := d.active(); err != nil {
		return nil, err
	}
	var answer control.StandAnswer
	var found *record.Stand
	var err error
	look := d.look(ctx, func(s *state.State) {
		found, answer.Skipped, err = s.Findings(state.Findings{
			Listed: normal(args.Listed), Unlisted: normal(args.Unlisted), Adopt: args.Adopt,
		}, time.Now())
	})
	if look != nil {
		return nil, look
	}
	if err != nil {
		return nil, &control.Error{Code: control.Conflict, Message: err.Error()}
	}
	answer.Taken = len(found.Listed) + len(found.Unlisted) + len(found.Adopted)
	if answer.Taken == 0 {
		return answer, nil
	}
	name := "repair"
	if args.Adopt {
		name = "adopt"
	}
	rec := record.Command{Name: name, Who: request.Who, Comment: request.Comment, Count: answer.Taken}
	return answer, d.Active.Do(ctx, rec, found)
}

func normal(emails []string) [][]byte {
	var all [][]byte
	for _, e := range emails {
		if email, ok := contact.Normalize(nil, []byte(e)); ok {
			all = append(all, email)
		}
	}
	return all
}
