package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/people"
	"rollcall/internal/pipeline"
	"rollcall/internal/sendgrid"
)

type verifyFlags struct {
	repair, adopt, yes, reveal bool
	comment                    string
}

func newVerifyCommand(env *Env) *cobra.Command {
	f := &verifyFlags{}
	command := &cobra.Command{
		Use: "verify DESTINATION", Short: "Export the list from SendGrid and compare it with the ledger",
		Long: "Finds who is missing, who is on the list though Rollcall let them go, whose fields differ, and how many foreign\n" +
			"members there are: those are left alone. Contacts under way are not judged. Exit status 3: the list is not as it\n" +
			"should be.\n" +
			"--repair makes what differs dirty again, so that it is put right the normal way, under cap and guard.\n" +
			"--adopt marks the foreign members as listed by Rollcall: those that a segment selects are updated from now on, the\n" +
			"others leave the list under the guard. It is the way in from another connector, and back from a lost ledger.",
		Example: "  consumer verify newsletter\n  consumer verify newsletter --repair --comment 'the list was emptied by hand'\n" +
			"  consumer verify newsletter --adopt --comment 'we come from another connector'",
		Args: arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				return env.verify(ctx, s, d, f)
			})
		},
	}
	command.Flags().BoolVar(&f.repair, "repair", false, "put right what differs")
	command.Flags().BoolVar(&f.adopt, "adopt", false, "take the foreign members over")
	command.Flags().BoolVar(&f.reveal, "reveal", false, "name the contacts that are not as they should be")
	commentFlag(command, &f.comment)
	yesFlag(command, &f.yes)
	env.jsonFlag(command)
	command.MarkFlagsMutuallyExclusive("repair", "adopt")
	return command
}

// verifyAnswer is the JSON of `consumer verify`. Persons are named where --reveal asks for them.
type verifyAnswer struct {
	Destination string               `json:"destination"`
	Members     int                  `json:"members"`
	Pending     int                  `json:"pending"`
	Missing     int                  `json:"missing"`
	Extra       int                  `json:"extra"`
	Differ      int                  `json:"differ"`
	Foreign     int                  `json:"foreign"`
	Unread      int                  `json:"not_comparable"`
	Repaired    *control.StandAnswer `json:"repaired,omitempty"`
	Adopted     *control.StandAnswer `json:"adopted,omitempty"`
	Named       map[string][]string  `json:"named,omitempty"`
}

func (a *verifyAnswer) wrong() int { return a.Missing + a.Extra + a.Differ }

func (e *Env) verify(ctx context.Context, s *session, d *config.Destination, f *verifyFlags) error {
	c, err := s.compare(ctx, d)
	if f.adopt && (errors.Is(err, ledger.ErrLost) || errors.Is(err, ledger.ErrDamaged)) {
		if err = e.beginAnew(ctx, s, d, anew{flags: f, lost: err}); err == nil {
			c, err = s.compare(ctx, d)
		}
	}
	if err != nil {
		return err
	}
	answer := verifyAnswer{
		Destination: d.ID, Members: c.Members, Pending: c.Pending, Missing: len(c.Missing), Extra: len(c.Extra),
		Differ: len(c.Differ), Foreign: c.Foreign, Unread: c.Unread,
	}
	if f.reveal {
		answer.Named = map[string][]string{"missing": c.Missing, "extra": c.Extra, "differ": c.Differ, "foreign": c.Strange}
	}
	if !e.json {
		if err := printVerify(e.Stdout, &answer); err != nil {
			return err
		}
	}
	done, err := e.putRight(ctx, s, d, putting{flags: f, found: c, answer: &answer})
	if err != nil {
		return err
	}
	if e.json {
		if err := printJSON(e.Stdout, answer); err != nil {
			return err
		}
	}
	if answer.wrong() > 0 && !done {
		return no()
	}
	return nil
}

// claimPatience is how long a new ledger waits to be claimed: a suspended destination is tried every few seconds.
const claimPatience = time.Minute

// silentTries is how often in a row no replica may answer before none is thought to run: a busy one may miss an answer's time.
const silentTries = 5

// anew is a ledger that begins anew, and why.
type anew struct {
	flags *verifyFlags
	lost  error
}

// beginAnew abandons what is left of a lost ledger and waits until a consumer has claimed a new one, which
// reads the stream from its first event.
func (e *Env) beginAnew(ctx context.Context, s *session, d *config.Destination, o anew) error {
	f, lost := o.flags, o.lost
	if f.comment == "" {
		return misuse("say with --comment why the ledger begins anew: it keeps it")
	}
	if err := s.nobodyActive(ctx, d.ID); err != nil {
		return err
	}
	question := fmt.Sprintf("%s: %v\nAbandon what is left of it, read the stream from its first event, and adopt the list's members?", d.ID, lost)
	if err := e.confirm(question, f.yes); err != nil {
		return err
	}
	if err := s.abandon(ctx, d); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, claimPatience)
	defer cancel()
	for silent := 0; ; {
		replicas, err := control.Replicas(ctx, s.conn.NC, d.ID)
		if silent++; len(replicas) > 0 {
			silent = 0
		}
		if err != nil || silent == silentTries {
			return errors.Join(err, fmt.Errorf("the old ledger is gone and no consumer runs: start one, then: consumer verify %s --adopt", d.ID))
		}
		for _, r := range replicas {
			if r.Active {
				return nil
			}
		}
	}
}

type putting struct {
	flags  *verifyFlags
	found  *pipeline.Comparison
	answer *verifyAnswer
}

// putRight repairs or adopts, once it was said what that means, and reports whether it did.
func (e *Env) putRight(ctx context.Context, s *session, d *config.Destination, p putting) (bool, error) {
	f, c := p.flags, p.found
	switch {
	case f.repair && p.answer.wrong() > 0:
		question := fmt.Sprintf("%s: plan %s, %s, %s, under cap and guard. Repair?", d.ID, people.Of(len(c.Missing), "add"), people.Of(len(c.Differ), "update"), people.Of(len(c.Extra), "removal"))
		if err := e.confirm(question, f.yes); err != nil {
			return false, err
		}
		taken, err := s.stand(ctx, d, f.comment, control.StandArgs{Listed: append(c.Differ, c.Extra...), Unlisted: c.Missing})
		p.answer.Repaired = taken
		return err == nil, e.told(d, "repaired", taken, err)
	case f.adopt && c.Foreign > 0:
		if f.comment == "" {
			return false, misuse("say with --comment why these members become Rollcall's: the ledger keeps it")
		}
		question := fmt.Sprintf("%s: %s foreign members become Rollcall's (owner %s); those that no segment selects leave the list under the guard. Adopt?", d.ID, count(c.Foreign), d.Owner)
		if err := e.confirm(question, f.yes); err != nil {
			return false, err
		}
		taken, err := s.stand(ctx, d, f.comment, control.StandArgs{Listed: c.Strange, Adopt: true})
		p.answer.Adopted = taken
		return false, e.told(d, "adopted", taken, err)
	}
	return false, nil
}

func (e *Env) told(d *config.Destination, what string, taken *control.StandAnswer, err error) error {
	if err != nil || e.json {
		return err
	}
	_, err = fmt.Fprintf(e.Stdout, "%s: %s %s, %s passed over; `consumer status %s` shows how it goes\n",
		d.ID, people.Of(taken.Taken, "contact"), what, count(taken.Skipped), d.ID)
	return err
}

// standAtOnce is how many contacts one message names.
const standAtOnce = 2000

// stand sends findings to the active replica, in parts.
func (s *session) stand(ctx context.Context, d *config.Destination, comment string, all control.StandArgs) (*control.StandAnswer, error) {
	total := &control.StandAnswer{}
	for len(all.Listed)+len(all.Unlisted) > 0 {
		part := control.StandArgs{Adopt: all.Adopt}
		part.Listed, all.Listed = split(all.Listed)
		part.Unlisted, all.Unlisted = split(all.Unlisted)
		var one control.StandAnswer
		if err := s.call(ctx, d, control.Verify, by(comment), part, &one); err != nil {
			return total, err
		}
		total.Taken, total.Skipped = total.Taken+one.Taken, total.Skipped+one.Skipped
	}
	return total, nil
}

func split(all []string) (part, rest []string) {
	n := min(len(all), standAtOnce)
	return all[:n], all[n:]
}

// compare exports the list and holds it against the ledger.
func (s *session) compare(ctx context.Context, d *config.Destination) (*pipeline.Comparison, error) {
	client, account, err := s.account(d)
	if err != nil {
		return nil, err
	}
	spec, err := desk.ResolveMapping(ctx, client, d)
	if err != nil {
		return nil, err
	}
	state, _, err := desk.LoadState(ctx, s.conn, s.cfg, d)
	if err != nil {
		return nil, err
	}
	c, err := pipeline.NewComparison(state, pipeline.Rehearsal{
		Stream: s.conn, Mapping: spec, Policy: desk.Policy(d, account), Binding: record.Binding{Stream: d.Stream, Segments: d.Segments},
	}, time.Now())
	if err != nil {
		return nil, err
	}
	err = client.ExportList(ctx, d.ListID, func(m sendgrid.Member) error { return c.Member(ctx, m.Email, m.Fields()) })
	if err != nil {
		return nil, fmt.Errorf("export the list of %s: %w", d.ID, err)
	}
	later, _, err := desk.LoadState(ctx, s.conn, s.cfg, d)
	if err != nil {
		return nil, err
	}
	return c, c.End(ctx, later)
}

func printVerify(to io.Writer, a *verifyAnswer) error {
	fmt.Fprintf(to, "%s: %s on the list\n", a.Destination, people.Of(a.Members, "member"))
	t := newLines(to)
	t.row("missing", count(a.Missing)+" that the ledger says are listed")
	t.row("extra", count(a.Extra)+" that Rollcall let go")
	t.row("differ", count(a.Differ)+" with other fields than were sent")
	t.row("foreign", count(a.Foreign)+" that Rollcall never put there; left alone")
	t.row("pending", count(a.Pending)+" under way, not judged")
	if a.Unread > 0 {
		t.row("unread", count(a.Unread)+" whose fields cannot be compared: their event was replaced or has aged out")
	}
	for _, kind := range []string{"missing", "extra", "differ", "foreign"} {
		for _, email := range a.Named[kind] {
			fmt.Fprintf(to, "    %-8s %s\n", kind, oneLine(email))
		}
	}
	return t.flush()
}
