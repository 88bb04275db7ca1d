package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"rollcall/internal/config"
)

// verdict is what came of one look.
type verdict string

const (
	passed  verdict = "passed"
	failed  verdict = "failed"
	warning verdict = "warning" // it works, and somebody should know
	unseen  verdict = "unseen"  // it can't be seen from here
)

// finding is one look at one thing.
type finding struct {
	Verdict verdict `json:"verdict"`
	What    string  `json:"what"` // as "destination newsletter"
	Check   string  `json:"check"`
	Detail  string  `json:"detail"`
	Help    string  `json:"help,omitempty"` // what to do about it
}

// findings collects them in the order of looking.
type findings struct{ all []finding }

func (f *findings) add(v verdict, what, check, detail string) *finding {
	f.all = append(f.all, finding{Verdict: v, What: what, Check: check, Detail: detail})
	return &f.all[len(f.all)-1]
}

func (f *findings) fail(what, check string, err error) *finding {
	return f.add(failed, what, check, err.Error())
}

func (f *findings) count(v verdict) (n int) {
	for _, one := range f.all {
		if one.Verdict == v {
			n++
		}
	}
	return n
}

func newCheckCommand(env *Env) *cobra.Command {
	var defaults bool
	command := &cobra.Command{
		Use:   "check",
		Short: "Tell what is wrong with the configuration, the broker and the accounts",
		Long: "Reads the configuration, then looks at the broker and at SendGrid as `consumer run` would, and writes nothing.\n" +
			"Exit status: 0 nothing is wrong; 2 the configuration can't be used; 3 something is wrong.",
		Example: "  consumer check --config rollcall.yaml\n  consumer check --json | jq '.findings[] | select(.verdict == \"failed\")'\n  consumer check --defaults",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if defaults {
				return env.printDefaults()
			}
			return env.check(command.Context())
		},
	}
	command.Flags().BoolVar(&defaults, "defaults", false, "print every key of the configuration with its unit and default")
	env.jsonFlag(command)
	return command
}

func (e *Env) check(ctx context.Context) error {
	found := &findings{}
	cfg, err := e.load()
	var file *config.Error
	switch {
	case errors.As(err, &file):
		if e.json {
			if err := e.printFile(file); err != nil {
				return err
			}
		}
		return err
	case err != nil:
		return err
	}
	found.add(passed, "configuration", "file", fmt.Sprintf("%s: %d accounts, %d destinations, hash %s",
		cfg.Path, len(cfg.Accounts), len(cfg.Destinations), cfg.Hash()))
	checkFile(found, cfg)
	checkBroker(ctx, found, cfg)
	for i := range cfg.Accounts {
		checkAccount(ctx, found, cfg, &cfg.Accounts[i])
	}
	if err := e.printFindings(found); err != nil {
		return err
	}
	if found.count(failed) > 0 {
		return no()
	}
	return nil
}

// checkFile looks at what the file alone shows and is no mistake in it.
func checkFile(found *findings, cfg *config.Config) {
	for i := range cfg.Destinations {
		destination := &cfg.Destinations[i]
		what, consent := "destination "+destination.ID, destination.Consent
		switch {
		case consent.AcceptedBy == "":
			found.add(failed, what, "consent", "nobody accepted that this data leaves your boundary: it is suspended").
				Help = "add consent: {accepted_by: WHO, accepted_on: YYYY-MM-DD} to the destination"
		case consent.WithdrawnOn != "":
			found.add(failed, what, "consent", "withdrawn on "+consent.WithdrawnOn+": it is suspended").
				Help = "take withdrawn_on out once it was accepted again"
		default:
			found.add(passed, what, "consent", "accepted on "+consent.AcceptedOn)
		}
	}
	if cfg.HTTP.TokenFile != "" {
		if _, err := config.FileSecret("http token", cfg.HTTP.TokenFile).Value(); err != nil {
			found.fail("http", "token", err).Help = "write a token into the file that http.token_file names"
		}
	} else if !config.Loopback(cfg.HTTP.Listen) {
		found.add(warning, "http", "token", "the operator's page is closed: "+cfg.HTTP.Listen+" is no loopback address, and no token is set").
			Help = "set http.token_file, or listen on 127.0.0.1"
	}
}

func (e *Env) printFile(file *config.Error) error {
	return printJSON(e.Stdout, struct {
		File     string           `json:"file"`
		Problems []config.Problem `json:"problems"`
	}{file.Path, file.Problems})
}

func (e *Env) printFindings(found *findings) error {
	if e.json {
		return printJSON(e.Stdout, struct {
			Passed   int       `json:"passed"`
			Failed   int       `json:"failed"`
			Warnings int       `json:"warnings"`
			Unseen   int       `json:"unseen"`
			Findings []finding `json:"findings"`
		}{found.count(passed), found.count(failed), found.count(warning), found.count(unseen), found.all})
	}
	t := newTable(e.Stdout, "RESULT", "WHAT", "CHECK", "DETAIL")
	for _, one := range found.all {
		t.row(label(one.Verdict), one.What, one.Check, one.Detail)
	}
	if err := t.flush(); err != nil {
		return err
	}
	return printHelp(e.Stdout, found)
}

func label(v verdict) string {
	if v == unseen {
		return "cannot be seen from here"
	}
	return string(v)
}

func printHelp(to io.Writer, found *findings) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\n%d passed, %d failed, %d warnings, %d cannot be seen from here\n",
		found.count(passed), found.count(failed), found.count(warning), found.count(unseen))
	for _, one := range found.all {
		if one.Help != "" {
			fmt.Fprintf(&text, "  %s, %s: %s\n", one.What, one.Check, one.Help)
		}
	}
	_, err := io.WriteString(to, text.String())
	return err
}

func (e *Env) printDefaults() error {
	defaults := config.Defaults()
	if e.json {
		return printJSON(e.Stdout, defaults)
	}
	t := newTable(e.Stdout, "KEY", "TYPE", "UNIT", "DEFAULT", "MEANING")
	for _, d := range defaults {
		value := d.Default
		if d.Required {
			value = "(required)"
		}
		t.row(d.Key, d.Type, dash(d.Unit), dash(value), d.Text)
	}
	return t.flush()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// quiet is the log of commands that print their own findings.
func quiet() *zap.Logger { return zap.NewNop() }
