package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"rollcall/internal/control"
)

var roles = []string{"publisher", "consumer", "operator", "reader"}

// Who may, in the words of docs/permissions.md; the accounts are in deployments/nats/accounts.conf.
var (
	everybody = roles
	nobody    []string
	engine    = []string{"publisher"}
	rollcall  = []string{"consumer"}
	giving    = []string{"consumer", "operator"}
	looking   = []string{"consumer", "operator", "reader"}
)

// mayPublish is who may publish on a subject, whoever is left out may not.
var mayPublish = map[string][]string{
	"segments.membership.s.p": engine, "segments.membership.s": engine, "segments.refreshed.s.1": engine, "segments.erased.p": engine,

	"$JS.API.STREAM.INFO.SEGMENT_EVENTS": everybody, "$JS.API.STREAM.MSG.GET.SEGMENT_EVENTS": looking,
	"$JS.API.STREAM.INFO.ROLLCALL_LEDGER": looking, "$JS.API.STREAM.MSG.GET.ROLLCALL_LEDGER": looking,
	"$JS.API.STREAM.NAMES": everybody, "$JS.API.STREAM.LIST": looking, "$JS.API.INFO": everybody, "$JS.API.DIRECT.GET.SEGMENT_EVENTS": looking, "$JS.API.DIRECT.GET.OBJ_ROLLCALL_SNAPSHOTS.x": looking,
	"$JS.API.CONSUMER.INFO.SEGMENT_EVENTS.rollcall-d": looking,

	"$JS.API.CONSUMER.CREATE.ROLLCALL_RECEIPTS.c": rollcall, "$JS.API.CONSUMER.CREATE.ROLLCALL_DEAD_LETTERS.c.rollcall.dead.d.>": rollcall,
	"$JS.API.CONSUMER.MSG.NEXT.ROLLCALL_RECEIPTS.c": rollcall, "$JS.API.CONSUMER.DELETE.ROLLCALL_RECEIPTS.c": rollcall,
	"$JS.FC.SEGMENT_EVENTS.c": nobody, "_INBOX.a.b": nobody,

	"$JS.API.STREAM.CREATE.SEGMENT_EVENTS": rollcall, "$JS.API.STREAM.UPDATE.SEGMENT_EVENTS": rollcall,
	"$JS.API.STREAM.DELETE.ROLLCALL_LEDGER": rollcall, "$JS.API.STREAM.PURGE.ROLLCALL_LEDGER": rollcall,
	"$JS.API.STREAM.MSG.DELETE.ROLLCALL_DEAD_LETTERS": rollcall, "$JS.API.CONSUMER.DURABLE.CREATE.SEGMENT_EVENTS.rollcall-d": rollcall,
	"$JS.ACK.SEGMENT_EVENTS.rollcall-d.1.1.1.1.0": rollcall,
	"rollcall.ledger.d":                           rollcall, "rollcall.ledger._installation": rollcall, "rollcall.dead.d.p": rollcall, "rollcall.receipts.d": rollcall,
	"$KV.ROLLCALL_LEASES.d": rollcall, "$O.ROLLCALL_SNAPSHOTS.C.x": rollcall,

	"$KV.OTHER.d": nobody, "$O.OTHER.C.x": nobody, "orders.new": nobody, "$SYS.REQ.SERVER.PING": nobody,
}

// maySubscribe is who may receive what is published on a subject.
var maySubscribe = map[string][]string{
	"_INBOX.>":                         nobody,
	"_INBOX.a.b":                       nobody,
	"_INBOX_publisher.a":               engine,
	"_INBOX_consumer.a":                rollcall,
	"_INBOX_operator.a":                {"operator"},
	"_INBOX_reader.a":                  {"reader"},
	"rollcall.control.d.status":        rollcall,
	"rollcall.control.>":               rollcall,
	"$SRV.PING":                        rollcall,
	"$JS.EVENT.ADVISORY.STREAM.>":      rollcall,
	"$JS.EVENT.ADVISORY.CONSUMER.>":    rollcall,
	"$JS.EVENT.ADVISORY.API":           nobody,
	"segments.membership.s.p":          nobody, // the consumer reads through the broker's consumers, into its inbox
	"segments.>":                       nobody,
	"rollcall.ledger.>":                nobody,
	"rollcall.receipts.>":              nobody,
	"$KV.ROLLCALL_LEASES.>":            nobody,
	"orders.new":                       nobody,
	">":                                nobody,
	"$JS.EVENT.ADVISORY.>":             nobody,
	"$SYS.ACCOUNT.ROLLCALL.CONNECT":    nobody,
	"$JS.API.STREAM.INFO.>":            nobody,
	"rollcall.dead.newsletter.profile": nobody,
}

// whoGives is who may give a command.
func whoGives(command control.Command) []string {
	switch {
	case command == control.Recheck: // it names contacts
		return rollcall
	case command.Changes():
		return giving
	}
	return looking
}

// publishable is who may publish on which subject.
func publishable() map[string][]string {
	all := maps.Clone(mayPublish)
	for _, command := range append(slices.Clone(control.Commands), control.Standing) {
		all[control.Subject("newsletter", command)] = whoGives(command)
	}
	return all
}

// refusedOn does something on a connection and reports whether the server refused it for its permissions. A server tells so
// before it answers the ping behind it.
func refusedOn(t *testing.T, c *nats.Conn, what string, do func() error) bool {
	t.Helper()
	if err := errors.Join(do(), c.Flush()); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	last := c.LastError()
	return errors.Is(last, nats.ErrPermissionViolation) && strings.Contains(strings.ToLower(last.Error()), strings.ToLower(what))
}

// Every role is allowed what the page says and refused the rest, subject by subject. There is no stream on the server, so that
// what is allowed does nothing.
func TestEachRoleMayWhatThePermissionsSayAndNothingElse(t *testing.T) {
	t.Parallel()
	broker := shipped(t, asShipped)
	publish := publishable()
	for _, role := range roles {
		c, err := nats.Connect(broker.ClientURL(), nats.UserInfo(role, "secret"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		judge := func(verb, subject string, who []string, do func() error) {
			t.Helper()
			if refused := refusedOn(t, c, fmt.Sprintf("%s to %q", verb, subject), do); refused == slices.Contains(who, role) {
				t.Errorf("%s may do the %s to %s: %t, want %t", role, verb, subject, !refused, refused)
			}
		}
		for subject, who := range publish {
			judge("publish", subject, who, func() error { return c.Publish(subject, nil) })
		}
		for subject, who := range maySubscribe {
			judge("subscription", subject, who, func() error {
				_, err := c.SubscribeSync(subject)
				return err
			})
		}
	}
}

// The accounts alone, without any user's permissions, keep apart what the roles publish: what a role may not publish reaches nobody
// in Rollcall's account, nor does an answer of the broker's to a subject that the role names.
func TestTheAccountsAloneKeepTheRolesApart(t *testing.T) {
	t.Parallel()
	s := shipped(t, func(o *server.Options) {
		for _, u := range o.Users {
			u.Permissions = nil
		}
	})
	connect := func(role string) *nats.Conn {
		c, err := nats.Connect(s.ClientURL(), nats.UserInfo(role, "secret"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	ear := connect("consumer")
	heard, err := ear.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"publisher", "operator", "reader"} {
		c := connect(role)
		subjects := map[string]bool{} // those that are to be heard
		for subject, who := range publishable() {
			if subjects[subject] = slices.Contains(who, role); strings.HasPrefix(subject, "$") {
				delete(subjects, subject) // the server answers itself
				continue
			}
			if err := c.PublishRequest(subject, "rollcall.ledger.d", []byte("harmless")); err != nil {
				t.Fatal(err)
			}
		}
		for _, reply := range []string{"rollcall.ledger.d", "rollcall.control.newsletter.pause", "$KV.ROLLCALL_LEASES.d"} {
			if err := c.PublishRequest("$JS.API.STREAM.INFO.SEGMENT_EVENTS", reply, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(c.Publish("segments.end", nil), c.Flush()); err != nil {
			t.Fatal(err)
		}
		if err := ear.Publish("end", nil); err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for {
			m, err := heard.NextMsg(10 * time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if m.Subject == "end" {
				break
			}
			if strings.HasPrefix(m.Subject, "_R_.") || strings.HasPrefix(m.Subject, "$JS.EVENT.") {
				continue // the server's own: the way back to the other account, and that somebody asked
			}
			if m.Reply == "" && m.Subject != "segments.end" {
				t.Errorf("%s: an answer arrived on %s", role, m.Subject)
			}
			got[m.Subject] = true
		}
		for subject, want := range subjects {
			if got[subject] != want {
				t.Errorf("%s publishes on %s: heard %t, want %t", role, subject, got[subject], want)
			}
		}
	}
}
