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
		err := Call(soon(t), nc, "newsletter", Replay, Request{}, nil)
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
	err := Call(soon(t), nc, "other", Pause, Request{}, nil)
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
	go func() { failed <- Call(soon(t), conn.NC, "newsletter", Verify, Request{}, nil) }()
	<-handler.entered
	if err := service.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("a command that was cut off was answered as done")
	}
	if err := Call(soon(t), conn.NC, "newsletter", Pause, Request{}, nil); !errors.Is(err, ErrNoneActive) {
		t.Errorf("after the stop: %v", err)
	}
}

func TestNoAnswerInTimeSaysThatItMayHaveBeenDone(t *testing.T) {
	handler := stuck{entered: make(chan struct{})}
	nc := serve(t, handler)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := Call(ctx, nc, "newsletter", Verify, Request{}, nil); CodeOf(err) != NoAnswer {
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
		if err := Call(soon(t), reader, "newsletter", Pause, Request{}, nil); CodeOf(err) != Refused {
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
