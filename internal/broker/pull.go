package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	maxBatch      = 8192                   // messages asked for by one pull, and handed out by one Next
	maxPullBytes  = 16 << 20               // bytes of one pull, so that big events don't fill the memory
	pullExpiry    = 5 * time.Second        // then the broker ends a pull, and we look where the consumer stands
	refusedPause  = 200 * time.Millisecond // before asking again after a refused pull
	pullHeartbeat = time.Second            // the broker's sign of life while nothing comes
	silence       = 2500 * time.Millisecond
)

var errConsumerGone = errors.New("the consumer was deleted")

// puller asks a consumer for messages with two pulls that overlap, and has the client put them straight
// into a channel: no goroutine, no callback and no lock a message. It is not safe for concurrent use.
type puller struct {
	nc          *nats.Conn
	subject     string // of the broker's API for the next messages
	sub         *nats.Subscription
	arrivals    chan *nats.Msg
	outstanding int // messages asked for that have not come
	request     []byte
	resumeAt    time.Time // after the broker refused a pull; zero otherwise
}

// renew takes a new inbox, so that what was on its way to the old one can't be mistaken for an answer to
// what is asked from now on.
func (p *puller) renew() error {
	p.stop()
	arrivals := make(chan *nats.Msg, 4*maxBatch) // two pulls, once more when they were thought lost, and statuses
	sub, err := p.nc.ChanSubscribe(p.nc.NewInbox(), arrivals)
	if err != nil {
		return fmt.Errorf("subscribe to an inbox: %w", err)
	}
	p.sub, p.arrivals, p.outstanding, p.resumeAt = sub, arrivals, 0, time.Time{}
	if p.request == nil {
		p.request, err = json.Marshal(map[string]any{
			"batch": maxBatch, "max_bytes": max(maxPullBytes, 2*p.nc.MaxPayload()),
			"expires": pullExpiry, "idle_heartbeat": pullHeartbeat,
		})
	}
	return err
}

func (p *puller) stop() {
	if p.sub != nil {
		_ = p.sub.Unsubscribe() // fails on a closed connection alone, where it is of no account
		p.sub = nil
	}
}

// fill keeps two pulls parked at the broker, so that one is served while the other is asked for.
func (p *puller) fill() error {
	if !p.resumeAt.IsZero() {
		return nil
	}
	for p.outstanding <= maxBatch {
		if err := p.nc.PublishRequest(p.subject, p.sub.Subject, p.request); err != nil {
			return fmt.Errorf("ask for events: %w", err)
		}
		p.outstanding += maxBatch
	}
	return nil
}

// status reads a message without content. It reports whether a pull ended, and why where that was not its
// ordinary end.
func (p *puller) status(msg *nats.Msg) (ended bool, err error) {
	code, text := msg.Header.Get("Status"), msg.Header.Get("Description")
	if code == "100" {
		return false, nil // a heartbeat
	}
	if left, err := strconv.Atoi(msg.Header.Get("Nats-Pending-Messages")); err == nil {
		p.outstanding = max(0, p.outstanding-left)
		return true, nil
	}
	p.outstanding = 0
	lower := strings.ToLower(text)
	if strings.Contains(lower, "consumer deleted") || strings.Contains(lower, "consumer is push") {
		return true, errConsumerGone
	}
	// A leader that changes refuses at once, and again; so does a consumer that is gone: whoever pulls looks.
	p.resumeAt = time.Now().Add(refusedPause)
	return true, fmt.Errorf("%s %s", code, text)
}

// patience is how long to wait for a message before something has to be done.
func (p *puller) patience() time.Duration {
	if p.resumeAt.IsZero() {
		return silence
	}
	return max(time.Until(p.resumeAt), time.Millisecond)
}

// paused ends the pause after a refused pull, and reports whether there was one.
func (p *puller) paused() bool {
	was := !p.resumeAt.IsZero()
	p.resumeAt = time.Time{}
	return was
}
