package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// restartable is a broker that can be stopped and started again over the same store, at the same port.
type restartable struct {
	t        *testing.T
	options  broker.EmbeddedOptions
	embedded *broker.Embedded
}

func startRestartable(t *testing.T) *restartable {
	r := &restartable{t: t, options: broker.EmbeddedOptions{StoreDir: t.TempDir(), Listen: "127.0.0.1:0"}}
	r.start()
	address := strings.TrimPrefix(r.embedded.ClientURL(), "nats://")
	if _, _, err := net.SplitHostPort(address); err != nil {
		t.Fatal(err)
	}
	r.options.Listen = address
	t.Cleanup(func() { r.embedded.Stop() })
	return r
}

func (r *restartable) start() {
	var err error
	if r.embedded, err = broker.StartEmbedded(r.options); err != nil {
		r.t.Fatal(err)
	}
}

func TestEveryRowIsStoredInOrderThroughABrokersRestart(t *testing.T) {
	for name, change := range map[string]func(*jetstream.StreamConfig){
		"batches": history, "single": func(c *jetstream.StreamConfig) { history(c); single(c) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits most of the time
			r := startRestartable(t)
			c := testkit.Connect(t, r.embedded)
			makeStream(t, c, change)
			acked := make(chan struct{}, 1)
			p := opened(t, c, Options{Source: "/engine", Window: 400, Observe: func(Progress) {
				select {
				case acked <- struct{}{}:
				default:
				}
			}})
			const profiles, times = 100, 60
			for n := range times {
				for i := range profiles {
					if err := p.Publish(t.Context(), row("seg", fmt.Sprintf("p-%d", i), n)); err != nil {
						t.Fatal(err)
					}
				}
				if n == times/3 || n == 2*times/3 { // while some are on their way
					<-acked
					r.embedded.Stop()
					r.start()
				}
			}
			sum := flushed(t, p)
			if sum.Rows != profiles*times || sum.Acked != sum.Rows || sum.Retries == 0 {
				t.Errorf("%+v", sum)
			}
			checkOrder(t, contents(t, c), profiles, times, false)
		})
	}
}

// forgetful is a carrier that loses the answers to what was stored, every other time.
type forgetful struct {
	carrier
	calls atomic.Int64
}

func (f *forgetful) send(ctx context.Context, msgs []*nats.Msg) (awaiting, error) {
	wait, err := f.carrier.send(ctx, msgs)
	if n := f.calls.Add(1); err != nil || n%2 == 0 {
		return wait, err
	}
	return func(ctx context.Context) (receipt, error) {
		if _, err := wait(ctx); err != nil {
			return receipt{}, err
		}
		return receipt{}, context.DeadlineExceeded
	}, nil
}

// The broker's own refusal of a batch that it knows, and its own answer to a message that it knows.
func TestALostAnswerIsFoundInTheStream(t *testing.T) {
	for name, change := range map[string]func(*jetstream.StreamConfig){"batches": history, "single": func(c *jetstream.StreamConfig) { history(c); single(c) }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testkit.Connect(t, testkit.StartBroker(t))
			makeStream(t, c, change)
			p := opened(t, c, Options{Source: "/engine", Window: 20})
			p.carrier = &forgetful{carrier: p.carrier}
			const profiles, times = 10, 3
			for n := range times {
				for i := range profiles {
					if err := p.Publish(t.Context(), row("seg", fmt.Sprintf("p-%d", i), n)); err != nil {
						t.Fatal(err)
					}
				}
				flushed(t, p)
			}
			sum := flushed(t, p)
			if sum.Acked != profiles*times || sum.Duplicates < profiles || sum.Renewed != 0 || sum.First != 1 || sum.Last != profiles*times {
				t.Errorf("%+v", sum)
			}
			checkOrder(t, contents(t, c), profiles, times, false)
		})
	}
}

func TestARefreshNamesItsLowestSequenceAndItsDistinctProfiles(t *testing.T) {
	c := testkit.Connect(t, testkit.StartBroker(t))
	makeStream(t, c, history)
	p := opened(t, c, Options{Window: 40, AllowEmpty: true})
	for i := range 25 { // of before, and of another segment
		if err := p.Publish(t.Context(), row("other", fmt.Sprint(i), i)); err != nil {
			t.Fatal(err)
		}
	}
	members := func(yield func(Row) error) error {
		for i := range 60 {
			if err := yield(row("seg", fmt.Sprint(i%50), i)); err != nil {
				return err
			}
		}
		return nil
	}
	sum, err := p.Refresh(t.Context(), "seg", members)
	if err != nil || sum.FirstSequence != 26 || sum.Count != 50 || sum.RefreshedSequence != 86 {
		t.Fatalf("%+v, %v", sum, err)
	}
	sum, err = p.Refresh(t.Context(), "gone", func(func(Row) error) error { return nil })
	if err != nil || sum.FirstSequence != 87 || sum.Count != 0 || sum.RefreshedSequence != 87 {
		t.Fatalf("a segment without members: %+v, %v", sum, err)
	}
	all := contents(t, c)
	first, second := all[85], all[86]
	if first.subject != "segments.refreshed.seg.26" || first.event.Data.First != 26 || first.event.Data.Count != 50 {
		t.Errorf("refreshed: %+v", first)
	}
	if second.subject != "segments.refreshed.gone.87" || second.event.Data.First != 87 || second.event.Data.Count != 0 {
		t.Errorf("refreshed: %+v", second)
	}
}

// An input without a row is nearly always an export that failed: nobody leaves by it, unless that is meant.
func TestARefreshWithoutARowHasNoEndUnlessThatIsMeant(t *testing.T) {
	c := testkit.Connect(t, testkit.StartBroker(t))
	makeStream(t, c, history)
	none := func(func(Row) error) error { return nil }
	if _, err := opened(t, c, Options{}).Refresh(t.Context(), "seg", none); !errors.Is(err, ErrEmpty) {
		t.Errorf("a refresh without a row: %v", err)
	}
	rehearsal, err := Rehearse(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rehearsal.Refresh(t.Context(), "seg", none); !errors.Is(err, ErrEmpty) {
		t.Errorf("its rehearsal: %v", err)
	}
	if all := contents(t, c); len(all) != 0 {
		t.Errorf("%d events are stored", len(all))
	}
	if sum, err := opened(t, c, Options{AllowEmpty: true}).Refresh(t.Context(), "seg", none); err != nil || sum.RefreshedSequence != 1 {
		t.Errorf("where it is meant: %+v, %v", sum, err)
	}
}

// Who is missing among the rows would be removed, so a refresh with a refused row has no end.
func TestARefreshWithARefusedRowHasNoEnd(t *testing.T) {
	for name, bad := range map[string]Row{
		"unreadable": row("seg", "", 0), "of another segment": row("other", "p", 0), "an exit": {Segment: "seg", Profile: "p", Change: 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := testkit.Connect(t, testkit.StartBroker(t))
			makeStream(t, c, history)
			p := opened(t, c, Options{})
			_, err := p.Refresh(t.Context(), "seg", func(yield func(Row) error) error {
				var refused *RowError
				if err := yield(bad); !errors.As(err, &refused) {
					t.Errorf("the row was answered with %v", err)
				}
				return yield(row("seg", "good", 0))
			})
			if !errors.Is(err, ErrRefused) {
				t.Errorf("the refresh ended with %v", err)
			}
			if all := contents(t, c); len(all) != 1 || all[0].event.Data.ProfileID != "good" {
				t.Errorf("stored: %+v", all)
			}
		})
	}
}

func TestAnErasureFollowsTheProfilesEvents(t *testing.T) {
	c := testkit.Connect(t, testkit.StartBroker(t))
	makeStream(t, c, func(*jetstream.StreamConfig) {})
	p := opened(t, c, Options{})
	if err := p.Publish(t.Context(), row("seg", "a b", 0)); err != nil {
		t.Fatal(err)
	}
	if err := p.Erase(t.Context(), "a b", []string{"a@example.com", "b@example.com"}); err != nil {
		t.Fatal(err)
	}
	flushed(t, p)
	all := contents(t, c)
	if len(all) != 2 || !strings.HasPrefix(all[1].subject, "segments.erased.~") || !slices.Equal(all[1].event.Data.Emails, []string{"a@example.com", "b@example.com"}) {
		t.Errorf("stored: %+v", all)
	}
	var refused *RowError
	if err := p.Erase(t.Context(), "", nil); !errors.As(err, &refused) {
		t.Errorf("an erasure of nobody: %v", err)
	}
}

func TestAStreamIsMadeOnlyWhenAskedFor(t *testing.T) {
	c := testkit.Connect(t, testkit.StartBroker(t))
	if _, err := Open(t.Context(), c, Options{}); !errors.Is(err, broker.ErrStreamMissing) {
		t.Fatalf("without a stream: %v", err)
	}
	p := opened(t, c, Options{Create: true})
	if err := p.Publish(t.Context(), row("s", "p", 0)); err != nil {
		t.Fatal(err)
	}
	flushed(t, p)
	state, err := c.InspectStream(t.Context(), broker.DefaultEventStream)
	if err != nil || !state.Keyed || !state.AllowAtomic || state.Messages != 1 {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestAStreamThatCouldLoseRowsIsRefused(t *testing.T) {
	c := testkit.Connect(t, testkit.StartBroker(t))
	makeStream(t, c, func(cfg *jetstream.StreamConfig) { cfg.Subjects = []string{"segments.>"} }) // H12
	var unfit *broker.UnfitError
	if _, err := Open(t.Context(), c, Options{}); !errors.As(err, &unfit) {
		t.Errorf("%v", err)
	}
}

func TestAStreamThatIsDeletedMeanwhileEndsThePublicationAtOnce(t *testing.T) {
	for name, change := range map[string]func(*jetstream.StreamConfig){"batches": history, "single": single} {
		t.Run(name, func(t *testing.T) {
			c := testkit.Connect(t, testkit.StartBroker(t))
			makeStream(t, c, change)
			p := opened(t, c, Options{})
			if err := c.JS.DeleteStream(t.Context(), broker.DefaultEventStream); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			err := p.Publish(t.Context(), row("seg", "ada.lovelace", 0))
			if err == nil {
				_, err = p.Flush(t.Context())
			}
			if err == nil || time.Since(begun) > 5*time.Second {
				t.Fatalf("after %s: %v", time.Since(begun), err)
			}
			testkit.Unnamed(t, []byte(err.Error()), "ada.lovelace")
		})
	}
}

func TestASubjectThatTheStreamDoesNotTakeEndsThePublicationAtOnce(t *testing.T) {
	c := testkit.Connect(t, testkit.StartBroker(t))
	makeStream(t, c, func(cfg *jetstream.StreamConfig) {
		cfg.Subjects = []string{"segments.membership.one.*", "segments.refreshed.*.*", "segments.erased.*"}
	})
	p := opened(t, c, Options{})
	err := p.Publish(t.Context(), row("two", "p", 0))
	if err == nil {
		_, err = p.Flush(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "membership") {
		t.Errorf("%v", err)
	}
}

func TestASecondStreamsAnswerIsNoSuccess(t *testing.T) {
	c := testkit.Connect(t, testkit.StartBroker(t))
	makeStream(t, c, func(cfg *jetstream.StreamConfig) { cfg.Subjects = []string{"segments.membership.one.*"} })
	makeStream(t, c, func(cfg *jetstream.StreamConfig) {
		cfg.Name, cfg.Subjects = "OTHER", []string{"segments.membership.two.*"}
	})
	p := opened(t, c, Options{})
	if err := p.Publish(t.Context(), row("two", "p", 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "OTHER") {
		t.Errorf("%v", err)
	}
}

func TestAUserWhoMayNotPublishIsToldSoAtOnce(t *testing.T) {
	for name, change := range map[string]func(*jetstream.StreamConfig){"batches": history, "single": single} {
		t.Run(name, func(t *testing.T) {
			admin := &server.User{Username: "admin", Password: "a"}
			reader := &server.User{Username: "reader", Password: "r", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"segments.>"}}}}
			s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, Users: []*server.User{admin, reader}})
			if err != nil {
				t.Fatal(err)
			}
			s.Start()
			defer func() { s.Shutdown(); s.WaitForShutdown() }()
			connect := func(u *server.User) *broker.Conn {
				c, err := broker.Connect(t.Context(), broker.Options{URL: s.ClientURL(), User: &broker.User{Name: u.Username, Password: u.Password}}, nil)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(c.Close)
				return c
			}
			makeStream(t, connect(admin), change)
			p, err := Open(t.Context(), connect(reader), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			begun := time.Now()
			err = p.Publish(t.Context(), row("seg", "ada.lovelace", 0))
			if err == nil {
				_, err = p.Flush(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), "permissions violation") || time.Since(begun) > 15*time.Second {
				t.Errorf("after %s: %v", time.Since(begun), err)
			}
			testkit.Unnamed(t, []byte(fmt.Sprint(err)), "ada", "lovelace") // I12
		})
	}
}
