package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	rereadWindow   = 256             // requests on their way at a time
	rereadPatience = 2 * time.Second // for one answer, before it is asked for again
	directGet      = "DIRECT.GET."
)

// ReadSequences reads the events at the sequences given, in that order; those that are not in the stream
// any more are absent. Where the stream allows direct gets any replica may answer with an event, whose
// sequence is compared, but only the leader is believed that there is none: a replica that lags does not
// know the newest.
func (c *Conn) ReadSequences(ctx context.Context, stream string, sequences []uint64) ([]Message, error) {
	if len(sequences) == 0 {
		return nil, nil
	}
	state, err := c.InspectStream(ctx, stream)
	var unfit *UnfitError
	if err != nil && !errors.As(err, &unfit) { // what lies in an unfit stream can be read all the same
		return nil, err
	}
	found := make([]Message, len(sequences))
	open := make([]int, len(sequences))
	for i := range open {
		open[i] = i
	}
	r := &rereader{conn: c, stream: stream, sequences: sequences, found: found}
	if state.AllowDirect {
		if open, err = r.ask(ctx, c.prefix+directGet+stream, open); err != nil {
			return nil, fmt.Errorf("read events of stream %s again: %w", stream, err)
		}
	}
	if _, err = r.ask(ctx, c.prefix+"STREAM.MSG.GET."+stream, open); err != nil {
		return nil, fmt.Errorf("read events of stream %s again: %w", stream, err)
	}
	kept := found[:0]
	for _, m := range found {
		if m.Sequence != 0 {
			kept = append(kept, m)
		}
	}
	return kept, nil
}

// rereader keeps a window of requests on their way, each with an inbox subject of its own.
type rereader struct {
	conn      *Conn
	stream    string
	sequences []uint64
	found     []Message // by index; sequence 0 where not found
}

// ask requests the events at the indexes and returns the indexes that the broker said it has none for. An
// answer that does not come is asked for again until ctx ends.
func (r *rereader) ask(ctx context.Context, subject string, indexes []int) ([]int, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	inbox := r.conn.NC.NewInbox()
	answers := make(chan *nats.Msg, 2*rereadWindow)
	sub, err := r.conn.NC.ChanSubscribe(inbox+".*", answers)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	var missing []int
	for len(indexes) > 0 {
		window := indexes[:min(len(indexes), rereadWindow)]
		x := exchange{subject: subject, inbox: inbox, direct: strings.Contains(subject, directGet), answers: answers}
		none, err := r.window(ctx, x, window)
		if err != nil {
			return nil, err
		}
		missing = append(missing, none...)
		indexes = indexes[len(window):]
	}
	return missing, nil
}

// exchange is where requests go and answers come.
type exchange struct {
	subject, inbox string
	direct         bool // any replica answers with the event itself; otherwise the leader with a description
	answers        chan *nats.Msg
}

func (r *rereader) window(ctx context.Context, x exchange, indexes []int) (missing []int, err error) {
	open := make(map[int]bool, len(indexes))
	for _, i := range indexes {
		open[i] = true
	}
	timer := time.NewTimer(rereadPatience)
	defer timer.Stop()
	for send := true; len(open) > 0; {
		if send {
			for i := range open {
				body := strconv.AppendUint([]byte(`{"seq":`), r.sequences[i], 10)
				if err := r.conn.NC.PublishRequest(x.subject, x.inbox+"."+strconv.Itoa(i), append(body, '}')); err != nil {
					return nil, err
				}
			}
			timer.Reset(rereadPatience)
			send = false
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			send = true
		case msg := <-x.answers:
			i, err := strconv.Atoi(msg.Subject[len(x.inbox)+1:])
			if err != nil || !open[i] {
				continue // an answer that came twice
			}
			m, ok, err := readAnswer(msg, x.direct)
			if errors.Is(err, errTryAgain) {
				continue // the timer asks again
			}
			if err != nil {
				return nil, err
			}
			delete(open, i)
			if ok && m.Sequence == r.sequences[i] {
				r.found[i] = m
			} else {
				missing = append(missing, i)
			}
		}
	}
	return missing, nil
}

var errTryAgain = errors.New("no answer of the stream's")

// readAnswer reads the answer to a direct get, or to one of the stream's leader. Not ok is: no such event, or, of a
// direct get, that the leader has to be asked.
func readAnswer(msg *nats.Msg, direct bool) (m Message, ok bool, err error) {
	own, answers := ownHeaders(msg.Header)
	if direct && answers {
		return directAnswer(msg, own)
	}
	if status := msg.Header.Get("Status"); status != "" {
		switch status {
		case "404":
			return m, false, nil
		case "503", "408", "409":
			return m, false, errTryAgain
		}
		return m, false, fmt.Errorf("the broker answered %s %s", status, msg.Header.Get("Description"))
	}
	if direct {
		return m, false, nil // its headers cannot be read: the leader's answer carries them apart from its own words
	}
	return leaderAnswer(msg.Data)
}

// ownHeaders returns what the broker says of an event in the headers of a direct answer, and reports whether it is one.
// An event may carry the same headers, or a Status, of its publisher's: the broker's words are known by where they
// stand, which is last, and a status of the broker's own comes without them (H38).
func ownHeaders(h nats.Header) (own map[string]string, answers bool) {
	own = make(map[string]string, 4)
	for _, key := range [...]string{"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp"} {
		values := h[key]
		if len(values) == 0 {
			return nil, false
		}
		own[key] = values[len(values)-1]
	}
	return own, true
}

func directAnswer(msg *nats.Msg, own map[string]string) (m Message, ok bool, err error) {
	m.Subject, m.Body = own["Nats-Subject"], msg.Data
	if m.Sequence, err = strconv.ParseUint(own["Nats-Sequence"], 10, 64); err != nil {
		return m, false, fmt.Errorf("read the sequence of a direct answer: %w", err)
	}
	if m.Time, err = time.Parse(time.RFC3339Nano, own["Nats-Time-Stamp"]); err != nil {
		return m, false, fmt.Errorf("read the time of a direct answer: %w", err)
	}
	for key := range own { // the publisher's headers of the same name are the event's
		if values := msg.Header[key]; len(values) > 1 {
			msg.Header[key] = values[:len(values)-1]
		} else {
			delete(msg.Header, key)
		}
	}
	if len(msg.Header) > 0 {
		m.Header = msg.Header
	}
	return m, true, nil
}

func leaderAnswer(body []byte) (m Message, ok bool, err error) {
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
		return m, false, fmt.Errorf("read the broker's answer: %w", err)
	}
	if e := answer.Error; e != nil {
		if e.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return m, false, nil
		}
		return m, false, e
	}
	if answer.Message == nil {
		return m, false, errTryAgain
	}
	a := answer.Message
	m = Message{Subject: a.Subject, Body: a.Data, Sequence: a.Sequence, Time: a.Time}
	if len(a.Header) > 0 {
		m.Header, _ = nats.DecodeHeadersMsg(a.Header) // none where they cannot be read, as the client delivers the event
	}
	return m, true, nil
}
