package cli

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"rollcall/internal/sendgrid/simulator"
)

// shipped starts a server with the accounts of deployments/nats, as they stand there but for what change does to them.
func shipped(t *testing.T, change func(*server.Options)) *server.Server {
	t.Helper()
	accounts, err := filepath.Abs("../../deployments/nats/accounts.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text, err := os.ReadFile(accounts)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "nats.conf")
	text = regexp.MustCompile(`\$[A-Z]+_PASSWORD`).ReplaceAll(text, []byte("secret"))
	text = fmt.Appendf(text, "\njetstream { store_dir: %q, sync_interval: always }\nlisten: 127.0.0.1:-1\n", dir)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	options.NoSigs, options.NoLog = true, true
	change(options)
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

func asShipped(*server.Options) {}

// permitted is a system on a server with the shipped accounts, whose consumer runs as the consumer's user.
func permitted(t *testing.T) *system {
	t.Helper()
	broker := shipped(t, asShipped)
	sim := simulator.New(simulator.Options{Keys: []string{simulatedKey}, ClockScale: 600, Seed: 1})
	web := httptest.NewServer(sim)
	t.Cleanup(web.Close)
	s := &system{t: t, sim: sim, list: sim.AddList("", "Newsletter"), base: web.URL, server: broker.ClientURL(), dir: t.TempDir()}
	s.become("consumer")
	s.write(setting{})
	s.start()
	t.Cleanup(func() { s.stop() })
	s.active()
	return s
}

// become makes it a role's user who gives the commands from here on.
func (s *system) become(role string) {
	s.t.Helper()
	s.role, s.url = role, strings.Replace(s.server, "nats://", "nats://"+role+":secret@", 1)
	s.write(setting{})
}

func TestPermissionsLetEachRoleDoItsPartAndNoMore(t *testing.T) {
	t.Parallel()
	s := permitted(t)
	s.become("publisher")
	s.conn = testkitConn(s)
	s.enter("Ada")
	if status, out, errs := s.publisher("exit", "gone", "--segment", "high-value"); status != int(Done) {
		t.Errorf("publisher exit: status %d\n%s%s", status, out, errs)
	}
	s.become("reader")
	s.settled(1)
	for _, arguments := range [][]string{
		{"explain", "newsletter", "ada"},
		{"waiting", "newsletter"},
		{"receipts", "newsletter"},
		{"dead-letters", "list", "newsletter"},
		{"ledger", "commands", "newsletter"},
		{"ledger", "check", "newsletter"},
		{"verify", "newsletter"},
	} {
		s.must(arguments...)
	}
	refused := func(user string, arguments ...string) {
		t.Helper()
		status, out, errs := s.run(arguments...)
		if status != int(Failed) || !strings.Contains(errs, "permission") && !strings.Contains(errs, "Permissions") {
			t.Errorf("%s: consumer %s: status %d %s%s", user, strings.Join(arguments, " "), status, out, errs)
		}
	}
	refused("reader", "pause", "newsletter")
	refused("reader", "flush", "newsletter")
	s.become("operator")
	s.must("pause", "newsletter", "--comment", "by an operator")
	s.must("resume", "newsletter")
	s.must("ledger", "check", "newsletter")
	s.become("publisher")
	refused("publisher", "pause", "newsletter")
	refused("publisher", "status")
	s.become("consumer")
	s.stop()
	s.become("reader") // nobody is active: the ledger and the streams are read
	for _, arguments := range [][]string{
		{"status"},
		{"explain", "newsletter", "ada"},
		{"waiting", "newsletter"},
		{"receipts", "newsletter"},
		{"dead-letters", "list", "newsletter"},
		{"ledger", "commands", "newsletter"},
		{"ledger", "dump", "newsletter"},
	} {
		s.must(arguments...)
	}
}

// publisher runs a command of the publisher's.
func (s *system) publisher(arguments ...string) (status int, stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	env := &Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Version: "test", LookupEnv: s.env}
	status = Main(s.t.Context(), env, Publisher(env), arguments)
	return status, out.String(), errs.String()
}
