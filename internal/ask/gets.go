package ask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	getBatch    = 256
	getBytes    = 8 << 20          // of one batch, about
	getSilence  = 2 * time.Second  // without a message: the rest of a batch is asked for again
	getPatience = 10 * time.Second // without any progress
)

// Got is a message as a stream holds it.
type Got struct {
	Subject  string
	Header   nats.Header // the publisher's own
	Data     []byte
	Sequence uint64
	Time     time.Time
}

// Gets reads a part of a stream by get requests. It makes no consumer at the broker, so that whoever may look needs no right to
// make or to delete one.
type Gets struct {
	NC      *nats.Conn
	Prefix  string // of the JetStream API, with its final dot; empty is that of the connection's own account
	Stream  string
	Subject string // filter, perhaps with wildcards; empty is every subject
	From    uint64 // first sequence; 0 is 1
	To      uint64 // last sequence
	Direct  bool   // the stream allows direct gets: many messages a request, from any replica

	Since time.Time // instead of From: messages that the broker stored at this time or later
}

// Each calls visit with every message, in stream order, and stops at its error. Replicas that lag are not believed that a message is
// not there: the stream's leader is asked before the end. Without progress for ten seconds it fails.
func (g Gets) Each(ctx context.Context, visit func(*Got) error) error {
	if g.Prefix == "" {
		g.Prefix = ownPrefix
	}
	if g.Subject == "" {
		g.Subject = ">"
	}
	r := &getting{Gets: g, next: max(g.From, 1), since: g.Since, visit: visit}
	for r.next <= g.To {
		began := r.next
		if g.Direct && r.since.IsZero() {
			if err := r.batch(ctx); err != nil {
				return err
			}
		}
		if r.next == began {
			more, err := r.single(ctx)
			if err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// getting is one reading under way.
type getting struct {
	Gets
	next  uint64    // the sequence to read from
	since time.Time // until the first message has told its sequence
	visit func(*Got) error
}

// getRequest is the body of a get.
type getRequest struct {
	Sequence uint64     `json:"seq,omitempty"`
	Next     string     `json:"next_by_subj,omitempty"`
	Start    *time.Time `json:"start_time,omitempty"`
	Batch    int        `json:"batch,omitempty"`
	Bytes    int        `json:"max_bytes,omitempty"`
}

// single asks the leader for the next message; false is that there is none.
func (r *getting) single(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, getPatience)
	defer cancel()
	request := getRequest{Sequence: r.next, Next: r.Subject}
	if !r.since.IsZero() {
		request.Sequence, request.Start = 0, &r.since
	}
	body, err := json.Marshal(request)
	if err != nil {
		return false, err
	}
	got, err := Until(ctx, func(ctx context.Context) (*Got, error) {
		answer, err := r.NC.RequestWithContext(ctx, r.Prefix+"STREAM.MSG.GET."+r.Stream, body)
		if err != nil {
			return nil, err
		}
		return leaders(answer.Data)
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read stream %s from sequence %d: %w", r.Stream, r.next, err)
	}
	if got.Sequence > r.To {
		return false, nil
	}
	r.since = time.Time{}
	return true, r.take(got)
}

func (r *getting) take(got *Got) error {
	r.next = got.Sequence + 1
	return r.visit(got)
}

// batch asks any replica for the next messages, and takes those that come. None at all is no error.
func (r *getting) batch(ctx context.Context) error {
	body, err := json.Marshal(getRequest{Sequence: r.next, Next: r.Subject, Batch: getBatch, Bytes: getBytes})
	if err != nil {
		return err
	}
	inbox, answers := r.NC.NewInbox(), make(chan *nats.Msg, getBatch+1)
	sub, err := r.NC.ChanSubscribe(inbox, answers)
	if err != nil {
		return fmt.Errorf("read stream %s: %w", r.Stream, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // it fails with the connection alone
	if err := r.NC.PublishRequest(r.Prefix+"DIRECT.GET."+r.Stream, inbox, body); err != nil {
		return fmt.Errorf("read stream %s: %w", r.Stream, err)
	}
	timer := time.NewTimer(getSilence)
	defer timer.Stop()
	for before := uint64(0); ; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return nil
		case answer := <-answers:
			got, last, ok := direct(answer)
			if !ok || last != before || got.Sequence < r.next { // the end, or one of the batch was lost
				return nil
			}
			if got.Sequence > r.To {
				r.next = got.Sequence
				return nil
			}
			before = got.Sequence
			if err := r.take(got); err != nil {
				return err
			}
			timer.Reset(getSilence)
		}
	}
}

// The broker's own headers, which it sets behind the publisher's own: of each the last value counts.
const (
	headerSubject  = "Nats-Subject"
	headerSequence = "Nats-Sequence"
	headerTime     = "Nats-Time-Stamp"
	headerBefore   = "Nats-Last-Sequence" // of the batch's message before this one
)

// direct reads an answer to a direct get; not ok is the end of a batch, or no message.
func direct(answer *nats.Msg) (got *Got, before uint64, ok bool) {
	own := map[string]string{}
	for _, key := range []string{headerSubject, headerSequence, headerTime, headerBefore, "Nats-Stream", "Nats-Num-Pending"} {
		if values := answer.Header[key]; len(values) > 0 {
			own[key] = values[len(values)-1]
			if answer.Header[key] = values[:len(values)-1]; len(values) == 1 {
				delete(answer.Header, key)
			}
		}
	}
	sequence, err := strconv.ParseUint(own[headerSequence], 10, 64)
	stored, timeErr := time.Parse(time.RFC3339Nano, own[headerTime])
	if err != nil || timeErr != nil || own[headerSubject] == "" {
		return nil, 0, false
	}
	before, _ = strconv.ParseUint(own[headerBefore], 10, 64) // absent is the first
	return &Got{Subject: own[headerSubject], Header: answer.Header, Data: answer.Data, Sequence: sequence, Time: stored}, before, true
}

// leaders reads the answer of a stream's leader.
func leaders(body []byte) (*Got, error) {
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("read the broker's answer: %w", err)
	}
	if answer.Error != nil {
		return nil, answer.Error
	}
	if answer.Message == nil {
		return nil, jetstream.ErrNoStreamResponse
	}
	m := answer.Message
	got := &Got{Subject: m.Subject, Data: m.Data, Sequence: m.Sequence, Time: m.Time}
	if len(m.Header) > 0 {
		// Whoever may publish can send headers that nobody can read: then there are none, as a consumer is handed the message.
		got.Header, _ = nats.DecodeHeadersMsg(m.Header)
	}
	return got, nil
}
