package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/control"
	"rollcall/internal/ledger/record"
	"rollcall/internal/segment"
)

const lettersShown = 100

// Letters reads a destination's dead letters: counts of all that the filter chooses, and the newest of
// them. They need nobody to be active. Bodies are read only where they are to be revealed.
func Letters(ctx context.Context, conn *broker.Conn, destination string, f control.LetterFilter) (control.LettersAnswer, error) {
	answer := control.LettersAnswer{Destination: destination, ByReason: map[string]uint64{}, Letters: []control.Letter{}}
	if f.Reason != "" && !slices.Contains(segment.Reasons, segment.Reason(f.Reason)) {
		return answer, &control.Error{Code: control.Misuse, Message: fmt.Sprintf("there is no reason %q: there are %s", f.Reason, listed(segment.Reasons))}
	}
	limit := f.Limit
	if limit == 0 {
		limit = lettersShown
	}
	err := eachLetter(ctx, conn, destination, f, func(l control.Letter) {
		answer.Total++
		answer.ByReason[l.Reason]++
		if answer.Letters = append(answer.Letters, l); len(answer.Letters) > limit {
			answer.Letters = answer.Letters[1:]
		}
	})
	return answer, err
}

// eachLetter visits the letters that the filter chooses, the oldest first.
func eachLetter(ctx context.Context, conn *broker.Conn, destination string, f control.LetterFilter, visit func(control.Letter)) error {
	subject := "rollcall.dead." + destination + ".>"
	if f.Profile != "" {
		subject = "rollcall.dead." + destination + "." + string(segment.ProfileKey(nil, []byte(f.Profile)))
	}
	r := broker.Range{Stream: broker.DeadLetterStream, Filters: []string{subject}, From: 1, HeadersOnly: !f.Reveal}
	err := conn.ReadRange(ctx, r, func(m broker.Message) error {
		if l := letterOf(&m, f.Reveal); chosen(&l, f) {
			visit(l)
		}
		return nil
	})
	if errors.Is(err, broker.ErrStreamMissing) {
		return nil // nothing was ever set aside
	}
	if err != nil {
		return fmt.Errorf("read the dead letters of %s: %w", destination, err)
	}
	return nil
}

func chosen(l *control.Letter, f control.LetterFilter) bool {
	return (f.Reason == "" || l.Reason == f.Reason) && !l.Time.Before(f.Since) && (f.Sequence == 0 || l.Sequence == f.Sequence)
}

func letterOf(m *broker.Message, reveal bool) control.Letter {
	h := m.Header
	l := control.Letter{
		Letter: m.Sequence, Time: m.Time.UTC(), Reason: h.Get("Rollcall-Reason"), Detail: h.Get("Rollcall-Detail"), Missing: h.Get("Rollcall-Body"),
	}
	l.Sequence, _ = strconv.ParseUint(h.Get("Rollcall-Stream-Sequence"), 10, 64) // zero where a stranger wrote it
	l.Attempts, _ = strconv.Atoi(h.Get("Rollcall-Attempts"))
	if t, err := time.Parse(time.RFC3339Nano, h.Get("Rollcall-Time")); err == nil {
		l.Time = t
	}
	if reveal {
		l.Subject, l.Header, l.Body = h.Get("Rollcall-Subject"), h, string(m.Body)
	}
	return l
}

// retry folds the events of the chosen letters again. Letters whose events were folded are taken away: what
// is still wrong with them makes a new one.
func (d *Desk) retry(ctx context.Context, request control.Request) (any, error) {
	var f control.LetterFilter
	if err := request.Decode(&f); err != nil {
		return nil, err
	}
	if err := d.active(); err != nil {
		return nil, err
	}
	byEvent, answer := map[uint64][]uint64{}, control.RetryAnswer{Destination: d.Destination.ID}
	var sequences []uint64
	err := eachLetter(ctx, d.Conn, d.Destination.ID, withoutBodies(f), func(l control.Letter) {
		answer.Letters++
		if byEvent[l.Sequence] == nil {
			sequences = append(sequences, l.Sequence)
		}
		byEvent[l.Sequence] = append(byEvent[l.Sequence], l.Letter)
	})
	if err != nil || len(sequences) == 0 {
		return answer, err
	}
	rec := record.Command{Name: "retry", Who: request.Who, Comment: request.Comment, Detail: chosenBy(f)}
	if answer.Retried, err = d.Active.Retry(ctx, rec, sequences); err != nil {
		return nil, err
	}
	for _, sequence := range answer.Sequences {
		answer.Discarded += d.remove(ctx, byEvent[sequence])
	}
	return answer, nil
}

// discard takes the chosen letters away.
func (d *Desk) discard(ctx context.Context, request control.Request) (any, error) {
	var f control.LetterFilter
	if err := request.Decode(&f); err != nil {
		return nil, err
	}
	if err := d.active(); err != nil {
		return nil, err
	}
	answer := control.RetryAnswer{Destination: d.Destination.ID}
	var letters []uint64
	err := eachLetter(ctx, d.Conn, d.Destination.ID, withoutBodies(f), func(l control.Letter) { letters = append(letters, l.Letter) })
	if err != nil || len(letters) == 0 {
		return answer, err
	}
	answer.Letters = len(letters)
	rec := record.Command{Name: "discard", Who: request.Who, Comment: request.Comment, Count: len(letters), Detail: chosenBy(f)}
	if err := d.Active.Do(ctx, rec); err != nil {
		return nil, err
	}
	answer.Discarded = d.remove(ctx, letters)
	return answer, nil
}

func withoutBodies(f control.LetterFilter) control.LetterFilter {
	f.Reveal = false
	return f
}

// chosenBy is the filter for the ledger's note. It names nobody.
func chosenBy(f control.LetterFilter) string {
	text := "all"
	if f.Reason != "" {
		text = "reason " + f.Reason
	}
	if !f.Since.IsZero() {
		text += " since " + f.Since.UTC().Format(time.RFC3339)
	}
	if f.Sequence != 0 {
		text += fmt.Sprintf(" of event %d", f.Sequence)
	}
	if f.Profile != "" {
		text += " of one profile"
	}
	return text
}

// remove deletes letters and returns how many went; what stays is seen in the next list.
func (d *Desk) remove(ctx context.Context, letters []uint64) int {
	stream, err := d.Conn.JS.Stream(ctx, broker.DeadLetterStream)
	if err != nil {
		return 0
	}
	n := 0
	for _, letter := range letters {
		if stream.SecureDeleteMsg(ctx, letter) == nil {
			n++
		}
	}
	return n
}

// listed names the values of a closed set.
func listed[T ~string](values []T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}
