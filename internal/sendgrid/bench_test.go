package sendgrid_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"rollcall/internal/sendgrid"
)

const batchOf = 30000

func contacts() [][]byte {
	out := make([][]byte, batchOf)
	for i := range out {
		out[i] = fmt.Appendf(nil, `{"email":"p%d@example.com","first_name":"Ada","last_name":"Lovelace","country":"GB","city":"London"}`, i)
	}
	return out
}

func fill(b *testing.B, all [][]byte) *sendgrid.Batch {
	batch := sendgrid.NewBatch([]string{"5d4e3c2b-0000-4000-8000-000000000000"}, batchOf, 3_500_000)
	for _, c := range all {
		if !batch.Add(c) {
			b.Fatal("the batch is full")
		}
	}
	return batch
}

// The body of a full batch, in a pooled buffer: its memory is that of one body, not of one a batch.
func BenchmarkEncodeBatch(b *testing.B) {
	all := contacts()
	b.ReportAllocs()
	for b.Loop() {
		batch := fill(b, all)
		b.SetBytes(int64(len(batch.Bytes())))
		batch.Release()
	}
	b.ReportMetric(batchOf*float64(b.N)/b.Elapsed().Seconds(), "contacts/s")
}

// Encoding and sending, up to a transport that reads the body: the body is not copied on its way.
func BenchmarkSendBatch(b *testing.B) {
	all := contacts()
	drain := &canned{status: 202, body: `{"job_id":"j"}`}
	a := client(b, sendgrid.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body = nil
		drain.seen, drain.sent = nil, nil
		return drain.RoundTrip(r)
	})})
	unlimited(drain)
	b.ReportAllocs()
	for b.Loop() {
		batch := fill(b, all)
		if _, err := a.Upsert(context.Background(), batch.Bytes()); err != nil {
			b.Fatal(err)
		}
		batch.Release()
	}
	b.ReportMetric(batchOf*float64(b.N)/b.Elapsed().Seconds(), "contacts/s")
}

// unlimited tells headers that never run out.
func unlimited(c *canned) {
	c.header = map[string]string{"x-ratelimit-limit": "1000000", "x-ratelimit-remaining": "999999", "x-ratelimit-reset": "60"}
}

// The body is built once: sending a batch needs no second copy of it.
func TestABatchIsBuiltOnce(t *testing.T) {
	all := contacts()
	drain := &canned{status: 202, body: `{"job_id":"j"}`}
	unlimited(drain)
	a := client(t, sendgrid.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		n, _ := io.Copy(io.Discard, r.Body)
		r.Body = nil
		drain.seen, drain.sent = nil, nil
		if n < 2_000_000 {
			t.Errorf("the body has %d bytes", n)
		}
		return drain.RoundTrip(r)
	})})
	send := func() {
		batch := sendgrid.NewBatch([]string{"l"}, batchOf, 3_500_000)
		for _, c := range all {
			batch.Add(c)
		}
		if _, err := a.Upsert(t.Context(), batch.Bytes()); err != nil {
			t.Fatal(err)
		}
		batch.Release()
	}
	if perBatch := testing.AllocsPerRun(20, send); perBatch > 150 {
		t.Errorf("a batch of %d contacts makes %.0f allocations", batchOf, perBatch)
	}
}
