package cli

import (
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

// documented starts a server with the permissions of docs/permissions.md, as they stand there.
func documented(t *testing.T) *server.Server {
	t.Helper()
	page, err := os.ReadFile("../../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```conf\n(.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("docs/permissions.md has no configuration")
	}
	text := regexp.MustCompile(`\$[A-Z]+_PASSWORD`).ReplaceAllString(string(block[1]), "secret")
	path := filepath.Join(t.TempDir(), "nats.conf")
	text += "\njetstream { store_dir: \"" + t.TempDir() + "\", sync_interval: always }\nlisten: 127.0.0.1:-1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	options.NoSigs, options.NoLog = true, true
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

// permitted is a system on a server with the documented permissions, whose consumer runs as the consumer's user.
func permitted(t *testing.T) *system {
	t.Helper()
	broker := documented(t)
	sim := simulator.New(simulator.Options{Keys: []string{simulatedKey}, ClockScale: 600, Seed: 1})
	web := httptest.NewServer(sim)
	t.Cleanup(web.Close)
	s := &system{t: t, sim: sim, list: sim.AddList("", "Newsletter"), base: web.URL, server: broker.ClientURL(), dir: t.TempDir()}
	s.url = s.as("consumer")
	s.write(setting{})
	s.start()
	t.Cleanup(func() { s.stop() })
	s.active()
	return s
}

// as is the server's URL for a user of the documented permissions.
func (s *system) as(user string) string {
	return strings.Replace(s.server, "nats://", "nats://"+user+":secret@", 1)
}

func TestPermissionsLetEachRoleDoItsPartAndNoMore(t *testing.T) {
	t.Parallel()
	s := permitted(t)
	as := s.as
	s.url = as("publisher")
	s.conn = testkitConn(s)
	s.enter("Ada")
	s.url = as("reader")
	s.write(setting{})
	s.settled(1)
	for _, arguments := range [][]string{
		{"explain", "newsletter", "ada"},
		{"waiting", "newsletter"},
		{"receipts", "newsletter"},
		{"dead-letters", "list", "newsletter"},
		{"ledger", "commands", "newsletter"},
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
	s.url = as("operator")
	s.write(setting{})
	s.must("pause", "newsletter", "--comment", "by an operator")
	s.must("resume", "newsletter")
	s.must("ledger", "check", "newsletter")
	s.url = as("publisher")
	s.write(setting{})
	refused("publisher", "pause", "newsletter")
	refused("publisher", "status")
}
