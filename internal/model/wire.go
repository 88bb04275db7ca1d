package model

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

var errWire = errors.New("connection reset by peer")

// rule is what happens to requests of a kind between us and SendGrid.
type rule struct {
	kind  string // lose late never refuse hang
	on    string // upsert remove delete lookup job export, or any
	count int
	delay time.Duration // of late and hang: when the request arrives after all
}

// wire is a replica's way to SendGrid. A request that was written arrives whatever becomes of the replica,
// unless a rule says otherwise.
type wire struct{ p *process }

// sent is a request that changes SendGrid, from when it is written.
type sent struct {
	by       *process
	on       string
	contents map[string]string // by e-mail: what it asks for
	ids      []string          // that it names
	told     bool              // the answer is on its way to whoever asked
	job      string            // once accepted
	over     bool              // it was refused, or will never arrive
}

func kindOf(r *http.Request) string {
	switch path := r.URL.Path; {
	case r.Method == http.MethodPut:
		return "upsert"
	case r.Method == http.MethodDelete && strings.Contains(path, "/lists/"):
		return "remove"
	case r.Method == http.MethodDelete:
		return "delete"
	case strings.Contains(path, "/search/"):
		return "lookup"
	case strings.Contains(path, "/imports/"):
		return "job"
	case strings.Contains(path, "/exports"):
		return "export"
	}
	return "other"
}

// RoundTrip implements http.RoundTripper.
func (t wire) RoundTrip(r *http.Request) (*http.Response, error) {
	p, ctx, on := t.p, r.Context(), kindOf(r)
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body) // a bytes.Reader
		_ = r.Body.Close()
	}
	p.nap(ctx, 30*time.Millisecond)
	if err := p.step(ctx, on); err != nil {
		return nil, err
	}
	ru := p.w.rule(on)
	if ru.kind == "refuse" {
		return nil, errors.New("connection refused")
	}
	if tr := httptrace.ContextClientTrace(ctx); tr != nil && tr.WroteHeaders != nil {
		tr.WroteHeaders()
	}
	s := p.w.watch.request(p, on, r, body)
	if s != nil {
		p.changes.Add(1)
	}
	answered := make(chan answer, 1)
	p.w.wires.Go(func() { answered <- p.w.deliver(r, body, s, ru) })
	if err := p.step(context.WithoutCancel(ctx), written); err != nil {
		return nil, err
	}
	if ru.kind == "lose" || ru.kind == "late" || ru.kind == "never" {
		p.nap(ctx, 30*time.Millisecond)
		return nil, errWire
	}
	return t.await(ctx, answered, ru.kind == "hang")
}

type answer struct {
	res *http.Response
	err error
}

// await waits for the answer, or for the end of whoever waits for it.
func (t wire) await(ctx context.Context, answered <-chan answer, hang bool) (*http.Response, error) {
	if hang {
		answered = nil
	}
	select {
	case a := <-answered:
		t.p.nap(ctx, 30*time.Millisecond)
		if err := t.p.step(context.WithoutCancel(ctx), "answer"); err != nil {
			return nil, err
		}
		return a.res, a.err
	case <-t.p.killed:
		return nil, errDead
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// deliver brings a request to SendGrid.
func (w *world) deliver(r *http.Request, body []byte, s *sent, ru rule) answer {
	time.Sleep(w.between(0, 30*time.Millisecond))
	switch ru.kind {
	case "never":
		w.watch.ended(s, "")
		return answer{}
	case "late", "hang":
		time.Sleep(ru.delay)
	}
	in := r.Clone(context.Background())
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.ContentLength = int64(len(body))
	res, err := w.sim.RoundTrip(in)
	if s == nil {
		return answer{res, err}
	}
	s.told = ru.kind == "" && err == nil
	job := ""
	if err == nil && res.StatusCode == http.StatusAccepted {
		raw, _ := io.ReadAll(res.Body) // in memory
		var said struct {
			Job string `json:"job_id"`
		}
		_ = json.Unmarshal(raw, &said) // the simulator's own
		job = said.Job
		res.Body = io.NopCloser(bytes.NewReader(raw))
	}
	w.watch.ended(s, job)
	return answer{res, err}
}

// rule takes the next rule that a kind of request meets.
func (w *world) rule(on string) rule {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.rules {
		if r.count > 0 && (r.on == on || r.on == "any") {
			r.count--
			return *r
		}
	}
	return rule{}
}

func stringsReader(s string) io.Reader { return strings.NewReader(s) }
