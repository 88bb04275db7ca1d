// Command go publishes membership events, a refresh and an erasure for Rollcall, with NATS' own client for Go.
//
//	NATS_URL=nats://127.0.0.1:4222 go run ./examples/go
//
// docs/publishing.md explains the rules that the comments name.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	stream  = "SEGMENT_EVENTS"
	source  = "/segmentation/example-go"
	ackWait = 2 * time.Second  // for one acknowledgement
	patient = 30 * time.Second // rule 2: at least 15 s, which a leader's election may take
	window  = 256              // rows of a refresh on their way at once
)

type attributes map[string]any

type publisher struct {
	js    jetstream.JetStream
	keyed bool // the stream's form: a membership's subject names the profile
}

func newPublisher(ctx context.Context, nc *nats.Conn) (*publisher, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("look at stream %s: %w", stream, err)
	}
	return &publisher{js, slices.Contains(s.CachedInfo().Config.Subjects, "segments.membership.*.*")}, nil
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// profileKey is the profile's id where it can stand in a subject, else a hash of it.
func profileKey(profile string) string {
	if plain.MatchString(profile) {
		return profile
	}
	sum := sha256.Sum256([]byte(profile))
	return "~" + hex.EncodeToString(sum[:16])
}

// publish returns the event's sequence once the stream has it.
func (p *publisher) publish(ctx context.Context, subject, kind string, data any) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	for {
		id := rand.Text() // rule 1: new for each publication
		ack, first, err := p.store(ctx, subject, id, map[string]any{
			"specversion": "1.0", "id": id, "source": source, "type": kind,
			"time": time.Now().UTC().Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": data,
		})
		if err != nil {
			return 0, fmt.Errorf("publish a %s event: %w", kind, err)
		}
		if ack.Duplicate && first {
			continue // rule 3: somebody used that id before, so this event is not there
		}
		return ack.Sequence, nil
	}
}

// store tries with one id until there is an answer, and says whether the first try got it. Rule 2: no answer means
// unknown.
func (p *publisher) store(ctx context.Context, subject, id string, event any) (*jetstream.PubAck, bool, error) {
	body, err := json.Marshal(event)
	if err != nil {
		return nil, false, err
	}
	m := nats.NewMsg(subject)
	m.Data = body
	m.Header.Set("content-type", "application/cloudevents+json")
	for first := true; ; first = false {
		try, cancel := context.WithTimeout(ctx, ackWait)
		ack, err := p.js.PublishMsg(try, m, jetstream.WithMsgID(source+"#"+id), jetstream.WithExpectStream(stream),
			jetstream.WithRetryAttempts(0))
		cancel()
		if err == nil {
			return ack, first, nil
		}
		var refused *jetstream.APIError
		if errors.As(err, &refused) && refused.Code < 500 {
			return nil, false, err // no later try heals it
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return nil, false, fmt.Errorf("no acknowledgement, so it is unknown whether the stream has it: %w", err)
		}
	}
}

// change says that a profile is in a segment ("entered") or not in it any more ("exited"), and returns when that is
// stored.
func (p *publisher) change(ctx context.Context, segment, profile, change string, a attributes) (uint64, error) {
	subject := "segments.membership." + segment
	if p.keyed {
		subject += "." + profileKey(profile)
	}
	return p.publish(ctx, subject, "rollcall.membership.changed.v1",
		map[string]any{"segment_id": segment, "profile_id": profile, "change": change, "attributes": a})
}

// refresh publishes a segment as a whole. Where a row fails there is no refreshed, and nobody leaves.
func (p *publisher) refresh(ctx context.Context, segment string, members map[string]attributes) error {
	first, err := p.rows(ctx, segment, members)
	if err != nil {
		return err
	}
	if len(members) == 0 {
		s, err := p.js.Stream(ctx, stream)
		if err != nil {
			return fmt.Errorf("ask for the stream's last sequence: %w", err)
		}
		first = s.CachedInfo().State.LastSeq + 1
	}
	_, err = p.publish(ctx, fmt.Sprintf("segments.refreshed.%s.%d", segment, first), "rollcall.segment.refreshed.v1",
		map[string]any{"segment_id": segment, "first_sequence": first, "count": len(members)})
	return err
}

// rows publishes the members, each a profile of its own, so that they need not wait for each other. It returns the
// lowest sequence when all are acknowledged (rule 6).
func (p *publisher) rows(
	ctx context.Context, segment string, members map[string]attributes,
) (lowest uint64, err error) {
	var wait sync.WaitGroup
	var mu sync.Mutex
	free := make(chan struct{}, window)
	for profile, a := range members {
		free <- struct{}{}
		wait.Go(func() {
			defer func() { <-free }()
			sequence, failed := p.change(ctx, segment, profile, "entered", a)
			mu.Lock()
			defer mu.Unlock()
			if failed != nil {
				err = failed
			} else if lowest == 0 || sequence < lowest {
				lowest = sequence
			}
		})
	}
	wait.Wait()
	return lowest, err
}

// erase says that the person is to be forgotten, with the addresses that you know of.
func (p *publisher) erase(ctx context.Context, profile string, emails ...string) error {
	_, err := p.publish(ctx, "segments.erased."+profileKey(profile), "rollcall.profile.erased.v1",
		map[string]any{"profile_id": profile, "emails": emails})
	return err
}

func run(ctx context.Context) error {
	url := os.Getenv("NATS_URL")
	if url == "" {
		url = nats.DefaultURL
	}
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	p, err := newPublisher(ctx, nc)
	if err != nil {
		return err
	}
	ada := attributes{"email": "ada@example.com", "first_name": "Ada", "country": "GB"}
	zoe := attributes{"email": "zoe@example.com", "first_name": "Zoë", "city": "{{Count}} {{Time}}"} // arrives as it is
	grace := attributes{"email": "grace@example.com", "first_name": "Grace"}
	linus := attributes{"email": "linus@example.com", "first_name": "Linus"}

	// A segment that has no members yet.
	if err := p.refresh(ctx, "newsletter-optin", nil); err != nil {
		return err
	}
	// Rule 4: the next event of a profile follows the acknowledgement of the one before. An exit carries current
	// attributes.
	for _, e := range []struct {
		segment, profile, change string
		attributes
	}{
		{"high-value", "c0ffee", "entered", ada},
		{"high-value", "zoë/7", "entered", zoe}, // an id that can't stand in a subject
		{"high-value", "grace", "entered", grace},
		{"high-value", "grace", "exited", grace},
		{"newsletter-optin", "bob", "entered", attributes{"email": "bob@example.com"}},
		{"high-value", "linus", "entered", linus},
	} {
		if _, err := p.change(ctx, e.segment, e.profile, e.change, e.attributes); err != nil {
			return err
		}
	}
	// Rule 5: nobody else publishes changes of the segment meanwhile. Bob is not in it any more.
	if err := p.refresh(ctx, "newsletter-optin", map[string]attributes{"c0ffee": ada, "zoë/7": zoe}); err != nil {
		return err
	}
	return p.erase(ctx, "linus", "linus@example.com")
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
