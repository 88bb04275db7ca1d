package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const listID = "00000000-0000-4000-8000-000000000001"

// sink takes upserts as SendGrid does and applies nothing: every job has ended when it is asked about.
// It says that hardly any requests are left, so that whoever sends has a reason to cut batches full.
type sink struct {
	url     string
	server  *http.Server
	served  chan error
	upserts atomic.Int64
	bytes   atomic.Int64
}

func newSink(ctx context.Context) (*sink, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the sink: %w", err)
	}
	s := &sink{url: "http://" + listener.Addr().String(), served: make(chan error, 1)}
	s.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

func (s *sink) stop() {
	_ = s.server.Close()
	if err := <-s.served; !errors.Is(err, http.ErrServerClosed) {
		panic(err)
	}
}

func (s *sink) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v3/marketing/contacts", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.bytes.Add(n)
		job := s.upserts.Add(1)
		head := w.Header()
		head.Set("X-Ratelimit-Limit", "400")
		head.Set("X-Ratelimit-Remaining", strconv.FormatInt(max(99-job, 1), 10))
		head.Set("X-Ratelimit-Reset", "60")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"job_id":"job-`+strconv.FormatInt(job, 10)+`"}`)
	})
	mux.HandleFunc("GET /v3/marketing/contacts/imports/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"id":"`+r.PathValue("id")+`","status":"completed","job_type":"upsert_contacts","results":{}}`)
	})
	mux.HandleFunc("GET /v3/marketing/lists/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"id":"`+r.PathValue("id")+`","name":"bench","contact_count":0}`)
	})
	return mux
}

// least is how many requests the bytes that were sent need at least, by the byte limit; the limit by
// count is the caller's to compare.
func least(s *sink) int { return int((s.bytes.Load() + maxBytes - 1) / maxBytes) }
