package desk

import (
	"context"

	"rollcall/internal/contact"
	"rollcall/internal/control"
	"rollcall/internal/state"
)

// foreign is the contact that SendGrid has under an e-mail of which the ledger knows nothing; none where it has none.
// One that SendGrid could not be asked for is there with the error.
func (d *Desk) foreign(ctx context.Context, person string) []control.ContactAnswer {
	email, ok := contact.Normalize(nil, []byte(person))
	if !ok {
		return nil
	}
	one := []control.ContactAnswer{{ContactStory: state.ContactStory{Email: string(email), State: control.Unknown}}}
	d.addLive(ctx, one)
	if !one[0].SendGrid.Found && one[0].SendGrid.Error == "" {
		return nil
	}
	return one
}

// unheardOf is the answer *no*, with where to look next.
func (d *Desk) unheardOf(asked bool) error {
	text := d.Destination.ID + " knows no such profile or contact: no event of its segments named it"
	if asked {
		text += ", and SendGrid has no such contact"
	}
	return &control.Error{Code: control.NotFound, Message: text +
		" (is the segment one of the destination's? `nats stream get` shows what was published)"}
}

// addTrouble tells what keeps the destination from sending anything: else a contact in its window looks as if it were
// about to be sent.
func (d *Desk) addTrouble(answer *control.ExplainAnswer) {
	if d.Status == nil {
		return
	}
	st := d.Status()
	switch {
	case st.Reason != "":
		answer.Trouble, answer.Next = st.State+": "+st.Reason, st.Next
	case st.State == "paused":
		answer.Trouble, answer.Next = st.State, st.Next
	case st.Failing != "":
		answer.Trouble = "SendGrid takes nothing since " + st.FailingSince.Format("2006-01-02 15:04:05Z") + ": it is tried again by itself"
	}
}
