// Package check looks at what a configuration names, as `consumer run` would use it: the broker and its streams, the
// ledgers, the accounts with their lists and custom fields, the clocks. `consumer check` prints what it finds, and
// `consumer run` asks it of a destination before the destination's first request.
//
// It guarantees that nothing is written anywhere, that whatever fails or deserves attention comes with what to do
// about it, and that a destination which it finds in order is one that `run` would not suspend for a reason that a
// look can show. It names nobody (I12).
package check

import (
	"rollcall/internal/config"
	"rollcall/internal/people"
	"rollcall/internal/scrub"
	"rollcall/internal/web"
)

// Verdict is what came of one look.
type Verdict string

// The verdicts.
const (
	Passed  Verdict = "passed"
	Failed  Verdict = "failed"
	Warning Verdict = "warning" // it works, and somebody should know
	Unseen  Verdict = "unseen"  // it can't be seen from here
)

// Finding is one look at one thing.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	What    string  `json:"what"` // as "destination newsletter"
	Check   string  `json:"check"`
	Detail  string  `json:"detail"`
	Reason  string  `json:"reason,omitempty"` // with which `run` suspends a destination for it
	Help    string  `json:"help,omitempty"`   // what to do about it

	err error
}

// Err is what the look failed with.
func (f *Finding) Err() error { return f.err }

// Findings collects them in the order of looking.
type Findings struct {
	All []Finding

	fresh map[string]bool // destinations whose ledger never was claimed
}

// Add notes one.
func (f *Findings) Add(v Verdict, what, check, detail string) *Finding {
	f.All = append(f.All, Finding{Verdict: v, What: what, Check: check, Detail: detail})
	return &f.All[len(f.All)-1]
}

// Fail notes what a look failed with, and the reason that `run` has for it.
func (f *Findings) Fail(what, check string, err error) *Finding {
	one := f.Add(Failed, what, check, scrub.Text(err.Error()))
	one.err = err
	one.Reason, _ = Reason(err)
	return one
}

// Count is how many have the verdict.
func (f *Findings) Count(v Verdict) (n int) {
	for i := range f.All {
		if f.All[i].Verdict == v {
			n++
		}
	}
	return n
}

// File looks at what the file alone shows and is no mistake in it.
func File(found *Findings, cfg *config.Config) {
	for i := range cfg.Destinations {
		consent(found, &cfg.Destinations[i])
	}
	if cfg.HTTP.TokenFile != "" {
		text, err := config.FileSecret("http token", cfg.HTTP.TokenFile).Value()
		if err == nil {
			_, err = web.ParseTokens(text)
		}
		if err != nil {
			found.Fail("http", "token", err).Help = "write lines of role:name:token into the file that http.token_file names"
		}
	} else if !config.Loopback(cfg.HTTP.Listen) {
		found.Add(Warning, "http", "token", "the operator's page is closed: "+cfg.HTTP.Listen+" is no loopback address, and no token is set").
			Help = "set http.token_file, or listen on 127.0.0.1"
	}
}

func consent(found *Findings, d *config.Destination) {
	what, given := about(d), d.Consent
	switch {
	case given.AcceptedBy == "":
		one := found.Add(Failed, what, "consent", "nobody accepted that this data leaves your boundary: it is suspended")
		one.Reason, one.Help = "consent", "add consent: {accepted_by: WHO, accepted_on: YYYY-MM-DD} to the destination"
	case given.WithdrawnOn != "":
		one := found.Add(Failed, what, "consent", "withdrawn on "+given.WithdrawnOn+": it is suspended")
		one.Reason, one.Help = "consent", "take withdrawn_on out once it was accepted again"
	default:
		found.Add(Passed, what, "consent", "accepted on "+given.AcceptedOn)
	}
}

func about(d *config.Destination) string { return "destination " + d.ID }

func count[N int | int64 | uint64](n N) string { return people.Count(n) }
