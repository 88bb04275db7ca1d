//go:build integration

package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/integration/history"
)

const (
	people  = 300
	places  = 100 // the cap: some 130 are desired at a time, so that some wait
	eachFew = 7 * time.Millisecond
)

// segments hold a third of the people each; the shipped configuration selects the first two.
var segments = []string{"high-value", "newsletter-optin", "recently-active"}

// traffic publishes comings, changes and goings without a pause, each until the broker has acknowledged it, and keeps what it
// was told. One person is in one segment with one address: what became of each event can then be said (package history).
type traffic struct {
	w      *world
	cancel context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex
	acked  []history.Event
}

// connect reaches whichever node answers.
func (w *world) connect() (*nats.Conn, jetstream.JetStream) { return w.connectTo(nodes) }

func (w *world) connectTo(nodes []string) (*nats.Conn, jetstream.JetStream) {
	w.t.Helper()
	return w.connectAs("consumer", nodes)
}

// connectAs connects as the user of a role.
func (w *world) connectAs(role string, nodes []string) (*nats.Conn, jetstream.JetStream) {
	w.t.Helper()
	var urls []string
	for _, n := range nodes {
		urls = append(urls, "nats://"+w.running[n].ports["4222"])
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.UserInfo(role, brokerPassword), nats.CustomInboxPrefix("_INBOX_"+role), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(100*time.Millisecond), nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(time.Second))
	must(w.t, err)
	js, err := jetstream.New(nc)
	must(w.t, err)
	return nc, js
}

// traffic starts to publish; the seed and the scene say who comes and goes.
func (w *world) traffic(scene uint64) *traffic {
	ctx, cancel := context.WithCancel(context.Background())
	tr := &traffic{w: w, cancel: cancel}
	w.t.Cleanup(func() { tr.stop() })
	nc, js := w.connectAs("publisher", nodes)
	random := rand.New(rand.NewPCG(seed, scene))
	tr.done.Go(func() {
		defer nc.Close()
		pace := time.NewTicker(eachFew)
		defer pace.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			e, body := someEvent(random, fmt.Sprintf("%s%d-%d", w.name, scene, n))
			tr.publish(ctx, js, e, body)
			<-pace.C
		}
	})
	return tr
}

// someEvent is of anybody: two in three enter, one in a hundred of them without a usable e-mail.
func someEvent(random *rand.Rand, id string) (history.Event, []byte) {
	e, body := event(id, random.IntN(people), random.IntN(3) > 0)
	if e.Entered && random.IntN(100) == 0 {
		body = bytes.Replace(body, []byte(e.Email), nil, 1)
		e.Email = ""
	}
	return e, body
}

// event is what one person does, and the same for the broker, in structured mode.
func event(id string, who int, enters bool) (history.Event, []byte) {
	profile, segment := fmt.Sprintf("p%d", who), segments[who%len(segments)]
	e := history.Event{ID: id, Subject: "segments.membership." + segment + "." + profile, Entered: enters}
	change, attributes := "exited", "{}"
	if enters {
		change, e.Email, e.Version = "entered", profile+"@example.com", id
		attributes = fmt.Sprintf(`{"email":%q,"first_name":%q,"city":"City of %s"}`, e.Email, id, profile)
	}
	return e, fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/integration","type":"rollcall.membership.changed.v1",`+
		`"data":{"segment_id":%q,"profile_id":%q,"change":%q,"attributes":%s}}`, id, segment, profile, change, attributes)
}

// publish tries one event with the same id until it is acknowledged (docs/publishing.md).
func (tr *traffic) publish(ctx context.Context, js jetstream.JetStream, e history.Event, body []byte) {
	e.Sent = time.Now()
	give := time.Now().Add(5 * time.Minute)
	for tries := 1; ctx.Err() == nil || time.Now().Before(give); tries++ {
		try, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		ack, err := js.Publish(try, e.Subject, body, jetstream.WithMsgID("/integration#"+e.ID))
		stop()
		if err == nil {
			e.Sequence = ack.Sequence
			tr.mu.Lock()
			tr.acked = append(tr.acked, e)
			tr.mu.Unlock()
			return
		}
		if tr.w.t.Context().Err() != nil {
			return // the test has ended
		}
		if errors.Is(err, context.DeadlineExceeded) || tries%20 == 0 {
			_ = js.Conn().ForceReconnect() // a node that is cut off from the others acknowledges nothing: another may
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// stop waits for the last acknowledgement.
func (tr *traffic) stop() []history.Event {
	tr.cancel()
	tr.done.Wait()
	return tr.acked
}

// after are the events that were sent after a time and acknowledged by now.
func (tr *traffic) after(t time.Time) []history.Event {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	i, _ := slices.BinarySearchFunc(tr.acked, t, func(e history.Event, t time.Time) int { return e.Sent.Compare(t) })
	return tr.acked[i:len(tr.acked):len(tr.acked)]
}
