package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/mapping"
	"rollcall/internal/segment"
	"rollcall/internal/sendgrid"
)

// The limits of a batch, as configuration has them by default.
const (
	maxContacts = 30000
	maxBytes    = 3500000
	maxUnacked  = 50000 // events that the floor gathers before it sends what it has: the broker stops at some number
)

// floorRun is one run of the floor.
type floorRun struct {
	sink   *sink
	client *http.Client
	mapper *mapping.Mapper
	latest map[string]int // e-mail -> place in contacts
	keys   [][]byte
	bytes  int
	json   []byte
}

// floor is the least that any sender of lists has to do: pull, decode, deduplicate by contact, encode,
// PUT, acknowledge once everything before is sent. It has no ledger, cap, window or job, and loses or
// repeats a batch when it is killed.
func floor(ctx context.Context, conn *broker.Conn, stream string, w Workload, name string) (figures, error) {
	s, err := newSink(ctx)
	if err != nil {
		return figures{}, err
	}
	defer s.stop()
	mapper, err := mapping.New(mapping.Default())
	if err != nil {
		return figures{}, err
	}
	source, err := conn.OpenSource(ctx, broker.SourceOptions{Stream: stream, Destination: name})
	if err != nil {
		return figures{}, err
	}
	defer source.Stop()
	client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	f := &floorRun{sink: s, client: client, mapper: mapper, latest: map[string]int{}}
	began, cpu := time.Now(), processCPU()
	if err := source.Reset(ctx, 1); err != nil {
		return figures{}, err
	}
	if err := f.read(ctx, source, w.Events); err != nil {
		return figures{}, err
	}
	out := figures{events: w.Events, took: time.Since(began), cpu: processCPU() - cpu, upserts: int(s.upserts.Load()), contacts: w.Profiles}
	out.least = least(s)
	return out, conn.DeleteConsumer(ctx, stream, name)
}

func (f *floorRun) read(ctx context.Context, source *broker.Source, events int) error {
	var decoder segment.Decoder
	var fields []byte
	last, acked := uint64(0), 0
	for taken := 0; taken < events; {
		messages, err := source.Next(ctx) // a consumer that somebody moves spoils the measurement: an error
		if err != nil {
			return err
		}
		for i := range messages {
			m := &messages[i]
			taken++
			last = m.Sequence
			event, problem := decoder.Decode(m.Subject, m.Header, m.Body)
			if problem != nil {
				return fmt.Errorf("event %d: %s", m.Sequence, problem.Detail)
			}
			mapped := f.mapper.Map(fields[:0], event.Attributes)
			fields = mapped.Fields
			f.put(mapped)
			if len(f.latest) >= maxContacts || f.bytes >= maxBytes-(64<<10) || taken-acked >= maxUnacked {
				acked = taken
				if err := f.flush(ctx, source, last); err != nil {
					return err
				}
			}
		}
	}
	return f.flush(ctx, source, last)
}

// put keeps the latest form of a contact.
func (f *floorRun) put(r mapping.Result) {
	f.json = f.mapper.AppendContact(f.json[:0], string(r.Email), r.Fields, 0)
	at, known := f.latest[string(r.Email)]
	if !known {
		at = len(f.latest)
		f.latest[string(r.Email)] = at
		if at == len(f.keys) {
			f.keys = append(f.keys, nil)
		}
		f.keys[at] = f.keys[at][:0]
	}
	f.bytes += len(f.json) - len(f.keys[at])
	f.keys[at] = append(f.keys[at][:0], f.json...)
}

func (f *floorRun) flush(ctx context.Context, source *broker.Source, last uint64) error {
	batch := sendgrid.NewBatch([]string{listID}, maxContacts, maxBytes+(1<<20))
	defer batch.Release()
	for i := range len(f.latest) {
		batch.Add(f.keys[i])
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, f.sink.url+"/v3/marketing/contacts", bytes.NewReader(batch.Bytes()))
	if err != nil {
		return err
	}
	answer, err := f.client.Do(req)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	clear(f.latest)
	f.bytes = 0
	return source.Ack(ctx, last)
}
