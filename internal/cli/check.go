package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/desk/check"
	"rollcall/internal/people"
)

func newCheckCommand(env *Env) *cobra.Command {
	var defaults bool
	command := &cobra.Command{
		Use:   "check",
		Short: "Tell what is wrong with the configuration, the broker, the ledgers and the accounts",
		Long: "Reads the configuration, then looks at the broker, the ledgers and SendGrid as `consumer run` would, and writes nothing.\n" +
			"Exit status: 0 nothing is wrong; 2 the configuration can't be used; 3 something is wrong.",
		Example: "  consumer check --config rollcall.yaml\n  consumer check --json | jq '.findings[] | select(.verdict == \"failed\")'\n  consumer check --defaults",
		Args:    arguments(),
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
	found := &check.Findings{}
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
	found.Add(check.Passed, "configuration", "file", fmt.Sprintf("%s: %s, %s, hash %s",
		cfg.Path, people.Of(len(cfg.Accounts), "account"), people.Of(len(cfg.Destinations), "destination"), cfg.Hash()))
	check.File(found, cfg)
	checkBroker(ctx, found, cfg)
	for i := range cfg.Accounts {
		check.Account(ctx, found, cfg, &cfg.Accounts[i])
	}
	if err := e.printFindings(found); err != nil {
		return err
	}
	if found.Count(check.Failed) > 0 {
		return no()
	}
	return nil
}

// checkBroker looks at the broker, where it is reached, and at what it holds.
func checkBroker(ctx context.Context, found *check.Findings, cfg *config.Config) {
	if embedded := cfg.NATS.Embedded; embedded != nil && !listens(embedded.Listen) {
		found.Add(check.Unseen, "broker", "streams", "the embedded broker is not running: `consumer run` starts it over "+embedded.StoreDir)
		return
	}
	conn, done, err := connect(ctx, cfg.NATS, quiet())
	if err != nil {
		finding := found.Fail("broker", "reachable", err)
		if _, file := errors.AsType[*broker.FileError](err); !file {
			finding.Help = "start the broker, or correct nats.url (NATS_URL and --nats-url go before it)"
		}
		return
	}
	defer done()
	check.Broker(ctx, found, cfg, conn)
	check.Ledgers(ctx, found, cfg, conn)
}

func (e *Env) printFile(file *config.Error) error {
	return printJSON(e.Stdout, struct {
		File     string           `json:"file"`
		Problems []config.Problem `json:"problems"`
	}{file.Path, file.Problems})
}

func (e *Env) printFindings(found *check.Findings) error {
	if e.json {
		return printJSON(e.Stdout, struct {
			Passed   int             `json:"passed"`
			Failed   int             `json:"failed"`
			Warnings int             `json:"warnings"`
			Unseen   int             `json:"unseen"`
			Findings []check.Finding `json:"findings"`
		}{found.Count(check.Passed), found.Count(check.Failed), found.Count(check.Warning), found.Count(check.Unseen), found.All})
	}
	t := newTable(e.Stdout, "RESULT", "WHAT", "CHECK", "DETAIL")
	for _, one := range found.All {
		t.row(label(one.Verdict), one.What, one.Check, one.Detail)
	}
	if err := t.flush(); err != nil {
		return err
	}
	return printHelp(e.Stdout, found)
}

func label(v check.Verdict) string {
	if v == check.Unseen {
		return "cannot be seen from here"
	}
	return string(v)
}

func printHelp(to io.Writer, found *check.Findings) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\n%d passed, %d failed, %s, %d cannot be seen from here\n",
		found.Count(check.Passed), found.Count(check.Failed), people.Of(found.Count(check.Warning), "warning"), found.Count(check.Unseen))
	for _, one := range found.All {
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
