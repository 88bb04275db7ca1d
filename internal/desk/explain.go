package desk

import (
	"context"
	"slices"

	"rollcall/internal/broker"
	"rollcall/internal/contact"
	"rollcall/internal/control"
	"rollcall/internal/mapping"
	"rollcall/internal/scrub"
	"rollcall/internal/segment"
	"rollcall/internal/state"
)

// explain tells one person's whole story.
func (d *Desk) explain(ctx context.Context, request control.Request) (any, error) {
	var args control.ExplainArgs
	if err := request.Decode(&args); err != nil {
		return nil, err
	}
	if args.Person == "" {
		return nil, &control.Error{Code: control.Misuse, Message: "name a profile's id or an e-mail"}
	}
	var story state.Story
	var found bool
	if err := d.look(ctx, func(s *state.State) { story, found = s.Explain(args.Person) }); err != nil {
		return nil, err
	}
	answer := control.ExplainAnswer{Destination: d.Destination.ID, Active: d.Replica, Profiles: story.Profiles, Erased: story.Erased}
	var err error
	if answer.DeadLetters, err = d.lettersOf(ctx, args.Person, story.Profiles); err != nil {
		return nil, err
	}
	if !found && args.Live {
		answer.Contacts = d.foreign(ctx, args.Person)
	}
	if !found && len(answer.DeadLetters)+len(answer.Contacts) == 0 {
		return nil, d.unheardOf(args.Live)
	}
	d.addTrouble(&answer)
	for _, c := range story.Contacts {
		answer.Contacts = append(answer.Contacts, control.ContactAnswer{ContactStory: c})
	}
	d.addFields(ctx, answer.Contacts)
	if err := d.addReceipts(ctx, answer.Contacts); err != nil {
		return nil, err
	}
	if args.Live && found {
		d.addLive(ctx, answer.Contacts)
	}
	return answer, nil
}

// lettersOf reads the dead letters of the profiles. Of the one that was asked for there may be letters
// though the fold knows nothing of it.
func (d *Desk) lettersOf(ctx context.Context, person string, profiles []state.ProfileStory) ([]control.Letter, error) {
	ids := []string{person}
	for i := range profiles {
		if profiles[i].Profile != person {
			ids = append(ids, profiles[i].Profile)
		}
	}
	var all []control.Letter
	for _, id := range ids {
		found, err := Letters(ctx, d.Conn, d.Destination.ID, control.LetterFilter{Profile: id})
		if err != nil {
			return nil, err
		}
		all = append(all, found.Letters...)
	}
	return all, nil
}

// addFields reads the events that set the contacts' fields again and maps them. That it cannot is part of
// the answer.
func (d *Desk) addFields(ctx context.Context, contacts []control.ContactAnswer) {
	spec, err := d.spec(ctx)
	if err != nil {
		noteAll(contacts, scrub.Text(err.Error()))
		return
	}
	mapper, err := mapping.New(spec)
	if err != nil {
		noteAll(contacts, scrub.Text(err.Error()))
		return
	}
	var sequences []uint64
	for i := range contacts {
		if s := contacts[i].Source; s != 0 {
			sequences = append(sequences, s)
		}
	}
	events, err := d.Conn.ReadSequences(ctx, d.Destination.Stream, sequences)
	if err != nil {
		noteAll(contacts, scrub.Text(err.Error()))
		return
	}
	for i := range contacts {
		c := &contacts[i]
		at := slices.IndexFunc(events, func(m broker.Message) bool { return m.Sequence == c.Source })
		switch {
		case c.Source == 0:
		case at < 0:
			c.FieldsNote = "the event that set them was replaced or has aged out of the stream; a newer one is on its way, or the last confirmed values stay"
		default:
			c.Fields, c.FieldsNote = mapped(mapper, spec, &events[at])
		}
	}
}

func noteAll(contacts []control.ContactAnswer, note string) {
	for i := range contacts {
		contacts[i].FieldsNote = note
	}
}

// mapped gives an event's values under the names that SendGrid has for them.
func mapped(mapper *mapping.Mapper, spec mapping.Spec, m *broker.Message) (map[string]string, string) {
	var decoder segment.Decoder
	event, problem := decoder.Decode(m.Subject, m.Header, m.Body)
	if problem != nil && !problem.Fold {
		return nil, string(problem.Reason) + ": " + problem.Detail
	}
	if len(event.Attributes) == 0 {
		return nil, "the event has no attributes"
	}
	result := mapper.Map(nil, event.Attributes)
	note := ""
	if result.Reason != "" {
		note = string(result.Reason) + ": " + result.Detail
	}
	values := map[string]string{}
	for rest := result.Fields; len(rest) > 0; {
		index, _, value, next, err := contact.NextField(rest)
		if err != nil || index >= len(spec.Fields) {
			break
		}
		values[spec.Fields[index].Name], rest = string(value), next
	}
	return values, note
}

// addLive asks SendGrid how the contacts stand now.
func (d *Desk) addLive(ctx context.Context, contacts []control.ContactAnswer) {
	for i := range contacts {
		c := &contacts[i]
		c.SendGrid = &control.LiveAnswer{}
		found, err := d.SendGrid.Lookup(ctx, []string{c.Email})
		if err == nil {
			c.SendGrid.Suppressed, err = d.SendGrid.Suppressed(ctx, c.Email)
		}
		if err != nil {
			c.SendGrid.Error = scrub.Text(err.Error())
			continue
		}
		f, ok := found[c.Email]
		c.SendGrid.Found, c.SendGrid.OnList, c.SendGrid.Fields = ok, slices.Contains(f.Lists, d.Destination.ListID), f.Fields
	}
}

const waitingShown = 100

// waiting names who waits for a slot.
func (d *Desk) waiting(ctx context.Context, request control.Request) (any, error) {
	var args control.WaitingArgs
	if err := request.Decode(&args); err != nil {
		return nil, err
	}
	if args.Limit <= 0 {
		args.Limit = waitingShown
	}
	answer := control.WaitingAnswer{Destination: d.Destination.ID, Line: []state.Turn{}}
	err := d.look(ctx, func(s *state.State) {
		line, total := s.Waiting(args.Limit)
		answer.Line, answer.Total = append(answer.Line, line...), total
	})
	return answer, err
}
