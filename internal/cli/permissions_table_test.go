package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"rollcall/internal/control"
)

var roles = []string{"publisher", "consumer", "operator", "reader"}

// Who may, in the words of docs/permissions.md.
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

	"$JS.API.STREAM.INFO.SEGMENT_EVENTS": everybody, "$JS.API.STREAM.MSG.GET.SEGMENT_EVENTS": everybody,
	"$JS.API.STREAM.INFO.ROLLCALL_LEDGER": looking, "$JS.API.STREAM.MSG.GET.ROLLCALL_LEDGER": looking,
	"$JS.API.STREAM.NAMES": looking, "$JS.API.DIRECT.GET.SEGMENT_EVENTS": looking, "$JS.API.DIRECT.GET.OBJ_ROLLCALL_SNAPSHOTS.x": looking,
	"$JS.API.CONSUMER.CREATE.ROLLCALL_RECEIPTS.c": looking, "$JS.API.CONSUMER.CREATE.ROLLCALL_DEAD_LETTERS.c.rollcall.dead.d.>": looking,
	"$JS.API.CONSUMER.INFO.SEGMENT_EVENTS.rollcall-d": looking, "$JS.API.CONSUMER.MSG.NEXT.ROLLCALL_RECEIPTS.c": looking,
	"$JS.API.CONSUMER.DELETE.ROLLCALL_RECEIPTS.c": looking,

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
	"_INBOX.a.b":                       everybody,
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

// lookers are the commands that change nothing; whoever adds a command says here whether a reader may give it.
var lookers = []control.Command{control.Status, control.Explain, control.Waiting, control.Backup, control.Standing}

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
	server := documented(t)
	publish := maps.Clone(mayPublish)
	for _, command := range append(slices.Clone(control.Commands), control.Standing) {
		who := giving
		if slices.Contains(lookers, command) {
			who = looking
		}
		publish[control.Subject("newsletter", command)] = who
	}
	for _, role := range roles {
		c, err := nats.Connect(server.ClientURL(), nats.UserInfo(role, "secret"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
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
