package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/desk/check"
	"rollcall/internal/ledger"
	"rollcall/internal/ledger/record"
	"rollcall/internal/people"
	"rollcall/internal/scrub"
)

func newLedgerCommand(env *Env) *cobra.Command {
	command := &cobra.Command{
		Use: "ledger", Short: "Look into a destination's durable state, check it, back it up and restore it",
		Example: "  consumer ledger check newsletter\n  consumer ledger commands newsletter\n  consumer ledger backup newsletter newsletter.backup\n" +
			"  consumer ledger restore newsletter newsletter.backup --comment 'the broker lost its disks'",
	}
	command.AddCommand(newCommandsCommand(env), newLedgerCheckCommand(env), newDumpCommand(env), newBackupCommand(env), newRestoreCommand(env))
	return command
}

func newCommandsCommand(env *Env) *cobra.Command {
	command := &cobra.Command{
		Use: "commands DESTINATION", Short: "Show the last hundred commands: who, when, why",
		Example: "  consumer ledger commands newsletter", Args: arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				var answer control.LedgerAnswer
				if err := s.read(ctx, d, control.Backup, nil, &answer); err != nil {
					return err
				}
				return env.print(answer, func(to io.Writer) error { return printCommands(to, &answer) })
			})
		},
	}
	env.jsonFlag(command)
	return command
}

func printCommands(to io.Writer, a *control.LedgerAnswer) error {
	if len(a.Commands) == 0 {
		_, err := fmt.Fprintf(to, "nobody has given %s a command\n", a.Destination)
		return err
	}
	t := newTable(to, "TIME", "COMMAND", "WHO", "COUNT", "WHAT", "COMMENT")
	for _, c := range a.Commands {
		at := time.Unix(0, c.At)
		number := ""
		if c.Count > 0 {
			number = count(c.Count)
		}
		t.row(stamp(&at), c.Name, c.Who, number, c.Detail, c.Comment)
	}
	return t.flush()
}

// ledgerCheck is the JSON of `consumer ledger check`.
type ledgerCheck struct {
	Destination string `json:"destination"`
	Entry       uint64 `json:"entry"`
	Digest      string `json:"digest"`
	Snapshot    string `json:"snapshot"` // passed, or what is wrong with it
	Active      string `json:"active"`   // passed, failed, unseen: the replica's memory against the ledger
	Salt        string `json:"salt"`     // of the tombstones: passed, or what is wrong with it
	Cursor      uint64 `json:"cursor"`
	Profiles    int    `json:"profiles"`
	Contacts    int    `json:"contacts"`
	Listed      int    `json:"listed"`
	Foreign     int    `json:"foreign_messages"` // on the ledger's subject, that are no entries: passed over
}

func newLedgerCheckCommand(env *Env) *cobra.Command {
	command := &cobra.Command{
		Use: "check DESTINATION", Short: "Fold the ledger afresh and compare it with a snapshot of itself and with the active replica",
		Long: "Reads the last snapshot and every entry behind it, as a replica that takes over would: a missing entry, a snapshot that\n" +
			"is not what its pointer says, or a kind of entry that this build does not know is found. The state is then written as\n" +
			"a snapshot, read again and compared, and compared with the active replica's memory. Exit status 3: something differs.",
		Example: "  consumer ledger check newsletter --json", Args: arguments("DESTINATION"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], env.checkLedger)
		},
	}
	env.jsonFlag(command)
	return command
}

func (e *Env) checkLedger(ctx context.Context, s *session, d *config.Destination) error {
	c := ledgerCheck{Destination: d.ID, Snapshot: string(check.Passed)}
	for try := 0; try < 5 && c.Active != string(check.Passed); try++ {
		before, askErr := s.digest(ctx, d)
		loaded, err := desk.LoadLedger(ctx, s.conn, s.cfg, d)
		if err != nil {
			return err
		}
		state := loaded.State
		st := state.Stats()
		c.Foreign = loaded.Foreign
		c.Entry, c.Cursor, c.Profiles, c.Contacts, c.Listed = loaded.Entry, st.Cursor, st.Profiles, st.Contacts, st.Listed
		if c.Digest, err = state.Digest(); err != nil {
			return err
		}
		c.Salt = saltOf(state)
		if err := desk.RoundTrip(ctx, s.conn, s.cfg, d, state); err != nil {
			c.Snapshot = scrub.Text(err.Error())
		}
		after, _ := s.digest(ctx, d)
		switch {
		case errors.Is(askErr, control.ErrNoneActive):
			c.Active = string(check.Unseen)
			try = 5
		case askErr != nil:
			return askErr
		case before != after:
			c.Active = string(check.Unseen) // it changed meanwhile
		case before == c.Digest:
			c.Active = string(check.Passed)
		default:
			c.Active = string(check.Failed)
		}
	}
	err := e.print(c, func(to io.Writer) error {
		_, err := fmt.Fprintf(to, "%s: entry %s, digest %s: cursor %s, %s, %s, %s listed\n  snapshot  %s\n  active    %s\n  salt      %s\n",
			d.ID, count(c.Entry), c.Digest, count(c.Cursor), people.Of(c.Profiles, "profile"), people.Of(c.Contacts, "contact"), count(c.Listed), c.Snapshot, c.Active, c.Salt)
		if err == nil && c.Foreign > 0 {
			_, err = fmt.Fprintf(to, "  foreign   %s on the ledger's subject that Rollcall did not write: passed over, and removed by the active replica with its "+
				"next entries; see docs/permissions.md for who may publish there\n", people.Of(c.Foreign, "message"))
		}
		return err
	})
	if err == nil && (c.Snapshot != string(check.Passed) || c.Active == string(check.Failed) || c.Salt != string(check.Passed)) {
		return no()
	}
	return err
}

// digest asks the active replica for a digest of its memory.
func (s *session) digest(ctx context.Context, d *config.Destination) (string, error) {
	var answer control.LedgerAnswer
	err := s.call(ctx, d, control.Backup, control.Request{}, control.LedgerArgs{Digest: true}, &answer)
	return answer.Digest, err
}

func newBackupCommand(env *Env) *cobra.Command {
	command := &cobra.Command{
		Use: "backup DESTINATION FILE", Short: "Write a destination's state to a file",
		Long: "The file holds personal data: keep it as you keep the broker's disks. Erasures after it are read again from the stream\n" +
			"when it is restored.",
		Example: "  consumer ledger backup newsletter newsletter.backup", Args: arguments("DESTINATION", "FILE"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				return env.backup(ctx, s, d, arguments[1])
			})
		},
	}
	env.jsonFlag(command)
	return command
}

func (e *Env) backup(ctx context.Context, s *session, d *config.Destination, path string) (err error) {
	state, entry, err := desk.LoadState(ctx, s.conn, s.cfg, d)
	if err != nil {
		return err
	}
	if entry == 0 {
		return &ExitError{Status: No, Err: fmt.Errorf("%s has no ledger yet", d.ID)}
	}
	proofs, err := desk.Proofs(ctx, s.conn, d.ID)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make the backup's file: %w", err)
	}
	b, err := desk.WriteBackup(state, desk.Backup{Destination: d.ID, Time: time.Now().UTC(), Entry: entry, Proofs: proofs}, file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	b.Proofs = nil
	return e.print(b, func(to io.Writer) error {
		_, err := fmt.Fprintf(to, "%s: entry %s (cursor %s, %s listed) written to %s\n", d.ID, count(b.Entry), count(b.Cursor), count(b.Listed), path)
		return err
	})
}

func newRestoreCommand(env *Env) *cobra.Command {
	var comment string
	var yes bool
	command := &cobra.Command{
		Use: "restore DESTINATION FILE", Short: "Make a backup a destination's state again",
		Long: "No consumer may be active for the destination: stop them first. What was taken over since the backup is read again\n" +
			"from the stream; what happened at SendGrid since then is found by `consumer verify`. A ledger that is lost or damaged, or\n" +
			"that only a newer release can read, is replaced.",
		Example: "  consumer ledger restore newsletter newsletter.backup --comment 'the broker lost its disks'",
		Args:    arguments("DESTINATION", "FILE"), ValidArgsFunction: env.complete,
		RunE: func(command *cobra.Command, arguments []string) error {
			return env.with(command, arguments[0], func(ctx context.Context, s *session, d *config.Destination) error {
				return env.restore(ctx, s, d, restoring{path: arguments[1], comment: comment, yes: yes})
			})
		},
	}
	commentFlag(command, &comment)
	yesFlag(command, &yes)
	env.jsonFlag(command)
	return command
}

type restoring struct {
	path, comment string
	yes           bool
}

func (e *Env) restore(ctx context.Context, s *session, d *config.Destination, o restoring) error {
	if err := s.nobodyActive(ctx, d.ID); err != nil {
		return err
	}
	file, err := os.Open(o.path)
	if err != nil {
		return fmt.Errorf("open the backup: %w", err)
	}
	defer file.Close()
	state, err := desk.EmptyState(ctx, s.conn, s.cfg, d)
	if err != nil {
		return err
	}
	b, err := desk.ReadBackup(file, state)
	if err != nil {
		return err
	}
	if b.Destination != d.ID {
		return misuse("the backup is of %s, not of %s", b.Destination, d.ID)
	}
	if err := e.warnOfSalt(ctx, s, state, b); err != nil {
		return err
	}
	if err := e.confirm(fmt.Sprintf("%s: replace its ledger by the backup of %s (cursor %s, %s listed)?", d.ID, stamp(&b.Time), count(b.Cursor), count(b.Listed)), o.yes); err != nil {
		return err
	}
	note := record.Command{Name: "restore", Who: control.Who(), Comment: o.comment, At: time.Now().UnixNano(), Detail: "backup of " + stamp(&b.Time)}
	restoringState := desk.Restoring{State: state, Note: note}
	err = desk.Restore(ctx, s.conn, s.cfg, d, restoringState)
	if replaceable(err) {
		if err = s.abandon(ctx, d); err == nil {
			err = desk.Restore(ctx, s.conn, s.cfg, d, restoringState)
		}
	}
	if err != nil {
		return err
	}
	if err := desk.RestoreProofs(ctx, s.conn, b); err != nil {
		return err
	}
	return e.said(d.ID, "restore", "restored to "+stamp(&b.Time)+"; start the consumers, then: consumer verify "+d.ID)
}

// replaceable tells a ledger that cannot be gone on with here: a backup takes its place.
func replaceable(err error) bool {
	for _, one := range []error{ledger.ErrLost, ledger.ErrDamaged, ledger.ErrNewerBuild, record.ErrUnknownRecord} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// nobodyActive refuses what must not happen beside an active replica.
func (s *session) nobodyActive(ctx context.Context, id string) error {
	replicas, err := control.Replicas(ctx, s.conn.NC, id)
	if err != nil {
		return exit(err)
	}
	for _, r := range replicas {
		if r.Active {
			return fmt.Errorf("%s is active on %s: stop it first", id, r.Name)
		}
	}
	return nil
}

// abandon removes what is left of a ledger, and first the durable consumer: without a journal it would tell of a loss.
func (s *session) abandon(ctx context.Context, d *config.Destination) error {
	journal, err := ledger.Open(ctx, s.conn.JS, d.ID, ledger.Options{Gets: s.conn.Gets()})
	if err != nil {
		return err
	}
	if err := s.conn.DeleteConsumer(ctx, d.Stream, d.ID); err != nil {
		return err
	}
	return journal.Abandon(ctx)
}
