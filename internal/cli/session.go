package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/sendgrid"
)

// session is what an operator's command works with: the configuration and the broker.
type session struct {
	env   *Env
	cfg   *config.Config
	conn  *broker.Conn
	close func()
}

// session reads the configuration and reaches the broker. Its close has to follow.
func (e *Env) session(ctx context.Context) (*session, error) {
	cfg, err := e.load()
	if err != nil {
		return nil, err
	}
	conn, stop, err := connect(ctx, cfg.NATS, zap.NewNop())
	if err != nil {
		return nil, err
	}
	return &session{env: e, cfg: cfg, conn: conn, close: stop}, nil
}

// with runs an operator's command over one destination.
func (e *Env) with(command *cobra.Command, id string, do func(context.Context, *session, *config.Destination) error) error {
	return e.withKnown(command, id, nil, do)
}

// withOld is with for what is left of a removed destination as well: the proofs of its erasures.
func (e *Env) withOld(command *cobra.Command, id string, do func(context.Context, *session, *config.Destination) error) error {
	return e.withKnown(command, id, func(ctx context.Context, s *session) bool {
		proofs, err := desk.Proofs(ctx, s.conn, id)
		return err == nil && len(proofs) > 0
	}, do)
}

func (e *Env) withKnown(
	command *cobra.Command, id string, old func(context.Context, *session) bool, do func(context.Context, *session, *config.Destination) error,
) error {
	ctx, stop := e.untilSignal(command.Context())
	defer stop()
	s, err := e.session(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	d, err := s.destination(id)
	if err != nil && old != nil && broker.IsDestination(id) && old(ctx, s) {
		d, err = &config.Destination{ID: id}, nil
	}
	if err != nil {
		if ids, _ := s.ledgers(ctx); slices.Contains(ids, id) {
			return misuse("%s is not in %s, but has a ledger: another consumer's file has it, or it is an orphan; see consumer status %s", id, s.cfg.Path, id)
		}
		return err
	}
	return s.refused(do(ctx, s, d))
}

// refused tells of the broker's permissions where they are why a request was never answered: the broker drops one that
// they do not allow, and says so beside it.
func (s *session) refused(err error) error {
	if err == nil || errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	silent := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
	if last := s.conn.NC.LastError(); silent && errors.Is(last, nats.ErrPermissionViolation) {
		return fmt.Errorf("%w: %w; connect as an operator, see docs/permissions.md", err, last)
	}
	return err
}

func (s *session) destination(id string) (*config.Destination, error) {
	if d, ok := s.cfg.Destination(id); ok {
		return d, nil
	}
	var have []string
	for i := range s.cfg.Destinations {
		have = append(have, s.cfg.Destinations[i].ID)
	}
	return nil, misuse("there is no destination %q in %s: it has %s", id, s.cfg.Path, strings.Join(have, ", "))
}

// account is a client of the destination's account.
func (s *session) account(d *config.Destination) (*sendgrid.Account, *config.Account, error) {
	a, ok := s.cfg.Account(d.Account)
	if !ok {
		return nil, nil, misuse("there is no account %q in %s", d.Account, s.cfg.Path)
	}
	key := a.Key()
	client, err := sendgrid.New(sendgrid.Options{
		BaseURL: a.BaseURL, OnBehalfOf: a.OnBehalfOf, Key: key.Value, Forget: key.Forget, ClockScale: a.ClockScale,
	})
	return client, a, err
}

// How long a command waits for the active replica.
const answerPatience = 20 * time.Second

// call sends a command to the active replica.
func (s *session) call(ctx context.Context, d *config.Destination, command control.Command, request control.Request, args, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	var err error
	if args != nil {
		if request.Args, err = json.Marshal(args); err != nil {
			return fmt.Errorf("encode the arguments: %w", err)
		}
	}
	return exit(control.Call(ctx, s.conn.NC, d.ID, command, request, answer))
}

// read asks the active replica and, where nobody is active, the ledger and the streams.
func (s *session) read(ctx context.Context, d *config.Destination, command control.Command, args, answer any) error {
	err := s.call(ctx, d, command, control.Request{}, args, answer)
	if !errors.Is(err, control.ErrNoneActive) {
		return err
	}
	client, _, err := s.account(d)
	if err != nil {
		return err
	}
	request := control.Request{}
	if args != nil {
		if request.Args, err = json.Marshal(args); err != nil {
			return fmt.Errorf("encode the arguments: %w", err)
		}
	}
	got, err := desk.New(desk.Options{Config: s.cfg, Destination: d, Conn: s.conn, SendGrid: client}).Command(ctx, command, request)
	if err != nil {
		return exit(err)
	}
	body, err := json.Marshal(got)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return json.Unmarshal(body, answer)
}

// exit gives a command's error its exit status: what is not there is the answer *no*.
func exit(err error) error {
	if err == nil {
		return nil
	}
	if status, ok := map[control.Code]Status{control.NotFound: No, control.Misuse: Misuse}[control.CodeOf(err)]; ok {
		return &ExitError{Status: status, Err: err}
	}
	return err
}

// print shows an answer as JSON, or by what renders it for people.
func (e *Env) print(answer any, people func(io.Writer) error) error {
	if e.json {
		return printJSON(e.Stdout, answer)
	}
	return people(e.Stdout)
}

// sorted are the keys of a count by name, the largest first.
func sorted(counts map[string]uint64) []string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return int(counts[b]) - int(counts[a])
		}
		return strings.Compare(a, b)
	})
	return names
}

// complete offers the destinations of the file.
func (e *Env) complete(_ *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg, err := e.load()
	if err != nil || len(arguments) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for i := range cfg.Destinations {
		ids = append(ids, cfg.Destinations[i].ID+"\t"+cfg.Destinations[i].Name)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
