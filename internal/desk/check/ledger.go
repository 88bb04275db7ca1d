package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/ledger/record"
	"rollcall/internal/people"
	"rollcall/internal/pipeline"
	"rollcall/internal/state"
)

// Ledgers looks whether `run` could claim each destination's ledger as the file has it, and for destinations that the
// ledger knows and nobody configures. Nothing is claimed.
func Ledgers(ctx context.Context, found *Findings, cfg *config.Config, conn *broker.Conn) {
	for i := range cfg.Destinations {
		d := &cfg.Destinations[i]
		state, entry, err := desk.LoadState(ctx, conn, cfg, d)
		switch {
		case errors.Is(err, desk.ErrNoLedger) || err == nil && entry == 0:
			found.begins(d)
		case err != nil:
			found.Fail(about(d), "ledger", err).advise(d.ID, "may this user read the ledger? see docs/permissions.md")
		default:
			claimable(ctx, found, claiming{cfg: cfg, conn: conn, d: d, state: state})
		}
	}
	orphans(ctx, found, cfg, conn)
}

// begins notes a destination that nobody ever ran.
func (f *Findings) begins(d *config.Destination) {
	if f.fresh == nil {
		f.fresh = map[string]bool{}
	}
	f.fresh[d.ID] = true
	f.Add(Passed, about(d), "ledger", "none yet: stream "+d.Stream+" is read from its first event")
}

// advise names the way out of the finding's reason, or another.
func (f *Finding) advise(destination, otherwise string) {
	if f.Help = otherwise; f.Reason != "" {
		f.Help = control.Next(destination, "suspended", f.Reason)
	}
}

// claiming is a destination whose ledger was read.
type claiming struct {
	cfg   *config.Config
	conn  *broker.Conn
	d     *config.Destination
	state *state.State
}

func claimable(ctx context.Context, found *Findings, c claiming) {
	claim, st, what := c.state.Claim(), c.state.Stats(), about(c.d)
	if claim.Epoch == 0 {
		found.begins(c.d)
		return
	}
	if mine := int(c.cfg.Revision); claim.Revision > mine {
		found.Add(Failed, what, "ledger", fmt.Sprintf("revision %d is in force, and this file has %d: it would stand by (stale_config)", claim.Revision, mine)).
			Help = "use the newer file, or raise `revision` in this one"
	}
	stream, err := c.conn.InspectStream(ctx, c.d.Stream)
	if err != nil && !errors.Is(err, broker.ErrStreamMissing) {
		return // what does not fit about the stream was told with it
	}
	want := record.Binding{List: c.d.ListID, Stream: c.d.Stream}
	if account, ok := c.cfg.Account(c.d.Account); ok {
		want.BaseURL, want.OnBehalfOf = account.BaseURL, account.OnBehalfOf
	}
	missing := err != nil
	if err = pipeline.SameTarget(claim.Binding, want); err == nil && missing {
		err = pipeline.ErrStreamChanged // `run` makes the stream, and it is another one then
	}
	if err == nil {
		err = pipeline.Joins(ctx, c.conn, &stream, c.state)
	}
	if err != nil {
		found.Fail(what, "ledger", err).advise(c.d.ID, "")
		return
	}
	if first := stream.FirstSeq; !stream.Keyed && first > st.Cursor+1 {
		found.Add(Warning, what, "ledger", fmt.Sprintf("events lost: %d to %d aged out before they were folded; removals wait until each segment was refreshed", st.Cursor+1, first-1)).
			Help = "publisher refresh --segment SEGMENT FILE, for each of its segments"
		return
	}
	found.Add(Passed, what, "ledger", fmt.Sprintf("cursor %s, %s listed%s", count(st.Cursor), count(st.Listed), differs(claim.Binding.Segments, c.d.Segments)))
}

// differs says what a claim with other segments would do.
func differs(have, want []string) string {
	var parts []string
	for _, part := range []struct {
		word      string
		in, notIn []string
	}{{"; back-filled when it is claimed: ", want, have}, {"; let go under the guard when it is claimed: ", have, want}} {
		names := slices.DeleteFunc(slices.Clone(part.in), func(name string) bool { return slices.Contains(part.notIn, name) })
		if len(names) > 0 {
			parts = append(parts, part.word+strings.Join(names, ", "))
		}
	}
	return strings.Join(parts, "")
}

// orphans looks for destinations of the ledger that are neither in the file nor served by a consumer that runs.
func orphans(ctx context.Context, found *Findings, cfg *config.Config, conn *broker.Conn) {
	ids, err := conn.LedgerDestinations(ctx)
	if errors.Is(err, broker.ErrStreamMissing) {
		return
	}
	if err != nil {
		found.Fail("ledger", "orphans", err).Help = "may this user look at stream " + broker.LedgerStream + "? see docs/permissions.md"
		return
	}
	var none []string
	for _, id := range ids {
		if _, ours := cfg.Destination(id); ours {
			continue
		}
		if replicas, err := control.Replicas(ctx, conn.NC, id); err == nil && len(replicas) > 0 {
			sharedList(ctx, found, cfg, foreign{conn, id})
			continue
		}
		if _, there := desk.Orphan(ctx, conn, cfg, id); there {
			none = append(none, id)
		}
	}
	if len(none) == 0 {
		found.Add(Passed, "ledger", "orphans", "none: every destination that it knows is configured")
		return
	}
	found.Add(Warning, "ledger", "orphans", people.Of(len(none), "destination")+" of the ledger that nobody configures: "+strings.Join(none, ", ")).
		Help = control.Next(none[0], "orphaned", "")
}
