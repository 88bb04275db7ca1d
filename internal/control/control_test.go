package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// recorder is a fake destination.
type recorder struct {
	got    []string
	answer any
	err    error
}

func (r *recorder) Command(_ context.Context, command Command, request Request) (any, error) {
	r.got = append(r.got, fmt.Sprintf("%s by %s: %s %s", command, request.Who, request.Comment, request.Args))
	return r.answer, r.err
}

func serve(t *testing.T, handler Handler) *nats.Conn {
	t.Helper()
	conn := testkit.Connect(t, testkit.StartBroker(t))
	service, err := Serve(conn.NC, Options{Destination: "newsletter", Replica: "a", Version: "v1.2.3"}, handler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Stop(); err != nil {
			t.Error(err)
		}
	})
	return conn.NC
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestACommandReachesTheActiveReplicaAndIsAnswered(t *testing.T) {
	handler := &recorder{answer: map[string]int{"held": 3}}
	nc := serve(t, handler)
	var answer struct{ Held int }
	request := Request{Who: "ada@desk", Comment: "planned", Args: json.RawMessage(`{"count":3}`)}
	if err := Call(soon(t), nc, "newsletter", Approve, request, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Held != 3 {
		t.Errorf("answer = %+v", answer)
	}
	if diff := cmp.Diff([]string{`approve by ada@desk: planned {"count":3}`}, handler.got); diff != "" {
		t.Errorf("handler heard (-want +got):\n%s", diff)
	}
}

func TestErrorsKeepTheirCodeAndTextOverTheWire(t *testing.T) {
	for _, c := range []struct {
		err  error
		code Code
	}{
		{&Error{Code: Conflict, Message: "a replay is under way: cancel it first"}, Conflict},
		{errors.New("commit: refused"), Failed},
	} {
		nc := serve(t, &recorder{err: c.err})
		err := Call(soon(t), nc, "newsletter", Replay, Request{Who: "ada@desk"}, nil)
		if CodeOf(err) != c.code || err.Error() != c.err.Error() {
			t.Errorf("error %v of code %s, want %v of code %s", err, CodeOf(err), c.err, c.code)
		}
	}
}

func TestARequestThatCannotBeReadIsMisuse(t *testing.T) {
	handler := &recorder{}
	nc := serve(t, handler)
	message, err := nc.RequestWithContext(soon(t), Subject("newsletter", Pause), []byte(`{"commment":"typo"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := message.Header.Get("Nats-Service-Error-Code"); got != string(Misuse) || len(handler.got) != 0 {
		t.Errorf("code %q, handler heard %v", got, handler.got)
	}
	var args struct{ Limit int }
	if err := (Request{Args: json.RawMessage(`{"limt":1}`)}).Decode(&args); CodeOf(err) != Misuse {
		t.Errorf("arguments that nobody knows: %v", err)
	}
	if err := (Request{}).Decode(&args); err != nil {
		t.Errorf("no arguments: %v", err)
	}
}

func TestNobodyActiveIsToldApartFromFailing(t *testing.T) {
	nc := serve(t, &recorder{})
	err := Call(soon(t), nc, "other", Pause, Request{Who: "ada@desk"}, nil)
	if !errors.Is(err, ErrNoneActive) || !strings.Contains(err.Error(), "consumer run") {
		t.Errorf("error = %v", err)
	}
	if err := Call(soon(t), nc, "newsletter", "dance", Request{}, nil); CodeOf(err) != Misuse {
		t.Errorf("an unknown command: %v", err)
	}
}

func TestAnAnswerThatDoesNotFitAMessageSaysSo(t *testing.T) {
	nc := serve(t, &recorder{answer: strings.Repeat("x", 2<<20)})
	if err := Call(soon(t), nc, "newsletter", Waiting, Request{}, nil); CodeOf(err) != TooLarge {
		t.Errorf("error = %v", err)
	}
}

// stuck answers when its context ends.
type stuck struct{ entered chan struct{} }

func (s stuck) Command(ctx context.Context, _ Command, _ Request) (any, error) {
	close(s.entered)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestStopCancelsAndAwaitsTheCommandsUnderWay(t *testing.T) {
	conn := testkit.Connect(t, testkit.StartBroker(t))
	handler := stuck{entered: make(chan struct{})}
	service, err := Serve(conn.NC, Options{Destination: "newsletter"}, handler)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() { failed <- Call(soon(t), conn.NC, "newsletter", Verify, Request{Who: "ada@desk"}, nil) }()
	<-handler.entered
	if err := service.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("a command that was cut off was answered as done")
	}
	if err := Call(soon(t), conn.NC, "newsletter", Pause, Request{Who: "ada@desk"}, nil); !errors.Is(err, ErrNoneActive) {
		t.Errorf("after the stop: %v", err)
	}
}

func TestNoAnswerInTimeSaysThatItMayHaveBeenDone(t *testing.T) {
	handler := stuck{entered: make(chan struct{})}
	nc := serve(t, handler)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := Call(ctx, nc, "newsletter", Verify, Request{Who: "ada@desk"}, nil); CodeOf(err) != NoAnswer {
		t.Errorf("error = %v", err)
	}
}

func TestTheBrokersPermissionsAuthoriseCommands(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, Users: []*server.User{
		{Username: "consumer", Password: "c"},
		{Username: "reader", Password: "r", Permissions: &server.Permissions{Publish: &server.SubjectPermission{
			Allow: []string{Subject("*", Status)},
		}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	connect := func(name, password string) *nats.Conn {
		nc, err := nats.Connect(s.ClientURL(), nats.UserInfo(name, password), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	service, err := Serve(connect("consumer", "c"), Options{Destination: "newsletter"}, &recorder{})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Stop()
	reader := connect("reader", "r")
	if err := Call(soon(t), reader, "newsletter", Status, Request{}, nil); err != nil {
		t.Errorf("a reader's status: %v", err)
	}
	for range 2 { // a second refusal is told as well as the first
		if err := Call(soon(t), reader, "newsletter", Pause, Request{Who: "ada@desk"}, nil); CodeOf(err) != Refused {
			t.Errorf("a reader's pause: %v", err)
		}
	}
}

func TestVersionsAreSemanticOrZero(t *testing.T) {
	for version, want := range map[string]string{"v1.2.3": "1.2.3", "1.2.3-rc.1": "1.2.3-rc.1", "dev": "0.0.0", "": "0.0.0", "abc123-dirty": "0.0.0"} {
		if got := semantic(version); got != want {
			t.Errorf("semantic(%q) = %q, want %q", version, got, want)
		}
	}
}

// What is no request of an operator's arrives on a command's subject too: an acknowledgement, an advisory, a message that somebody
// published. It is no command.
func TestACommandThatChangesSomethingSaysWhatAndByWhom(t *testing.T) {
	handler := &recorder{answer: struct{}{}}
	nc := serve(t, handler)
	for name, body := range map[string]string{
		"nothing": "", "an acknowledgement": `{"stream":"S","seq":7}`, "no destination": `{"who":"ada@desk"}`,
		"another destination": `{"who":"ada@desk","destination":"other"}`, "nobody": `{"destination":"newsletter"}`,
	} {
		for _, command := range Commands {
			if !command.Changes() {
				continue
			}
			message, err := nc.RequestWithContext(soon(t), Subject("newsletter", command), []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if got := message.Header.Get("Nats-Service-Error-Code"); got != string(Misuse) {
				t.Errorf("%s, %s: code %q", command, name, got)
			}
		}
	}
	if len(handler.got) != 0 {
		t.Errorf("done all the same: %v", handler.got)
	}
	if _, err := nc.RequestWithContext(soon(t), Subject("newsletter", Status), nil); err != nil || len(handler.got) != 1 {
		t.Errorf("a reader needs no body: %v, %v", err, handler.got)
	}
}

// A stream that takes the commands' subjects acknowledges each before the service answers it (H44).
func TestAStreamsAcknowledgementIsNoAnswer(t *testing.T) {
	conn := testkit.Connect(t, testkit.StartBroker(t))
	if _, err := conn.JS.CreateStream(t.Context(), jetstream.StreamConfig{Name: "AUDIT", Subjects: []string{"rollcall.control.>"}}); err != nil {
		t.Fatal(err)
	}
	none := Call(soon(t), conn.NC, "newsletter", Recheck, Request{Who: "erasure"}, nil)
	if !errors.Is(none, ErrNoneActive) || !strings.Contains(none.Error(), "AUDIT") {
		t.Errorf("nobody is active: %v", none)
	}
	announced, err := Announce(conn.NC, Options{}, []string{"newsletter"}, func(string) Replica { return Replica{Name: "a", Active: true} })
	if err != nil {
		t.Fatal(err)
	}
	defer announced.Stop()
	slow := make(chan struct{})
	service, err := Serve(conn.NC, Options{Destination: "newsletter", Replica: "a"}, handlerFunc(func() (any, error) {
		<-slow
		return map[string]int{"held": 3}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer service.Stop()
	time.AfterFunc(50*time.Millisecond, func() { close(slow) })
	var answer struct{ Held int }
	if err := Call(soon(t), conn.NC, "newsletter", Approve, Request{Who: "ada@desk"}, &answer); err != nil || answer.Held != 3 {
		t.Errorf("%+v, %v", answer, err)
	}
	if all, err := Replicas(soon(t), conn.NC, "newsletter"); err != nil || len(all) != 1 || all[0].Name != "a" {
		t.Errorf("the replicas are %+v, %v", all, err)
	}
}

type handlerFunc func() (any, error)

func (f handlerFunc) Command(context.Context, Command, Request) (any, error) { return f() }
