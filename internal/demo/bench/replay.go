package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"rollcall/internal/control"
	"rollcall/internal/publish"
	"rollcall/internal/segment"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/state"
)

const (
	replayScale = 20                     // of the simulator's clock
	liveEvery   = 200 * time.Millisecond // between live changes
	livePeople  = 100
	liveUsual   = 30 * time.Second // for which live changes are measured without a replay
)

// Replay measures a forced replay of every event beside live changes of contacts that it does not touch: what was
// planned and what happened, how long live changes take until SendGrid has accepted them, with and without it, and
// what it takes of memory. The figures of plan and outcome must be equal: nothing else changes.
func Replay(ctx context.Context, o Operated) error {
	w := &watched{Handler: simulator.New(simulator.Options{ClockScale: replayScale, Seed: 1}), asked: map[int]time.Time{}}
	w.Handler.(*simulator.Simulator).AddList(listID, "bench")
	url, stop, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	i, err := newInstallation(ctx, o, url, fmt.Sprintf("clock_scale: %d", replayScale))
	if err != nil {
		return err
	}
	defer i.close()
	if err := i.start(ctx, o.Contacts); err != nil {
		return err
	}
	fmt.Fprintf(o.Said, "forced replay of %d events of %d contacts\n", o.Events, o.Contacts)
	before := i.resident()
	period, end := context.WithTimeout(ctx, liveUsual)
	usual, err := i.live(period, w)
	end()
	if err != nil {
		return err
	}
	answer, beside, most, err := i.replayBeside(ctx, w)
	if err != nil {
		return err
	}
	tell(o.Said, answer)
	fmt.Fprintf(o.Said, "  live changes  usually %s; beside the replay %s (median, p99, of how many)\n", lagsOf(usual), lagsOf(beside))
	fmt.Fprintf(o.Said, "  resident      %d MiB before, %d MiB at most\n", before>>20, most>>20)
	return judge(answer)
}

// replayBeside replays everything while live changes go on.
func (i *installation) replayBeside(ctx context.Context, w *watched) (*control.ReplayAnswer, []time.Duration, uint64, error) {
	during, end := context.WithCancel(ctx)
	var lags []time.Duration
	var most uint64
	var liveErr error
	var around sync.WaitGroup
	around.Go(func() { lags, liveErr = i.live(during, w) })
	around.Go(func() {
		for during.Err() == nil {
			most = max(most, i.resident())
			time.Sleep(20 * time.Millisecond)
		}
	})
	answer := &control.ReplayAnswer{}
	_, err := i.ask(ctx, answer, "replay", destination, "--segment", segmentID, "--from-sequence", "1", "--force", "--yes")
	end()
	around.Wait()
	return answer, lags, most, errors.Join(err, liveErr)
}

func tell(to io.Writer, a *control.ReplayAnswer) {
	p, out := a.Plan, a.Outcome
	if out == nil {
		return
	}
	row := func(what string, plan, happened any) {
		fmt.Fprintf(to, "  %-12s  planned %9v  happened %9v\n", what, plan, happened)
	}
	row("events", p.Events, out.Events)
	row("superseded", p.Superseded, out.Superseded)
	row("no-ops", p.NoOps, out.NoOps)
	row("upserts", p.Upserts, out.Upserts)
	row("removals", p.Removals, out.Removals)
	row("waiting", p.Waiting, out.Waiting)
	row("requests", p.Requests["upsert"], out.Requests["upsert"])
	row("seconds", fmt.Sprintf("%.1f", p.Seconds), fmt.Sprintf("%.1f", out.Seconds))
	fmt.Fprintf(to, "  itemised      %+v\n", out.Live)
}

// judge compares what was planned with what happened.
func judge(a *control.ReplayAnswer) error {
	p, out := a.Plan, a.Outcome
	if out == nil || a.State != state.ReplayDone {
		return fmt.Errorf("the replay is %s", a.State)
	}
	if p.Events != out.Events || p.Superseded != out.Superseded || p.NoOps != out.NoOps || p.Bad != out.Bad || p.Upserts != out.Upserts ||
		p.Removals != out.Removals || p.Waiting != out.Waiting || p.HeldRemovals != out.Held || p.Requests["upsert"] != out.Requests["upsert"] ||
		out.Live.Overtaken > 0 || out.Live.Contacts > 0 {
		return fmt.Errorf("planned %+v, happened %+v", *p, *out)
	}
	return nil
}

// live publishes changes of people of a segment of their own until the context ends, and returns how long each took until
// SendGrid accepted it.
func (i *installation) live(ctx context.Context, w *watched) ([]time.Duration, error) {
	always := context.WithoutCancel(ctx)
	p, err := publish.Open(always, i.conn, publish.Options{Stream: stream, Source: "/bench/live"})
	if err != nil {
		return nil, err
	}
	w.take()
	for ctx.Err() == nil {
		n := w.next()
		row := publish.Row{Segment: liveSegment, Profile: fmt.Sprintf("live-%d", n%livePeople), Change: segment.Entered}
		row.Attributes = fmt.Appendf(nil, `{"email":"live-%d@example.com","first_name":"live %d"}`, n%livePeople, n)
		if err := p.Publish(always, row); err != nil {
			return nil, err
		}
		if _, err := p.Flush(always); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(liveEvery):
		}
	}
	for until := time.Now().Add(2 * time.Minute); w.open() > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			return nil, fmt.Errorf("%d live changes are never sent", w.open())
		}
	}
	return w.take(), nil
}

func lagsOf(lags []time.Duration) string {
	if len(lags) == 0 {
		return "none"
	}
	slices.Sort(lags)
	return fmt.Sprintf("%v, %v, %d", lags[len(lags)/2].Round(time.Millisecond), lags[len(lags)*99/100].Round(time.Millisecond), len(lags))
}

// watched is a SendGrid of which it is noted when it accepts a live change.
type watched struct {
	http.Handler
	mu    sync.Mutex
	count int
	asked map[int]time.Time
	lags  []time.Duration
}

func (w *watched) serve(ctx context.Context) (url string, stop func(), err error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen for the simulator: %w", err)
	}
	server := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends because it was closed
	}()
	return "http://" + listener.Addr().String(), func() {
		_ = server.Close()
		<-served // it says that it was closed
	}, nil
}

var liveName = regexp.MustCompile(`"live (\d+)"`)

// ServeHTTP implements http.Handler.
func (w *watched) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut {
		w.Handler.ServeHTTP(to, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		to.WriteHeader(http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.Handler.ServeHTTP(to, r)
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range liveName.FindAllSubmatch(body, -1) {
		n, _ := strconv.Atoi(string(m[1])) // digits
		for older, at := range w.asked {
			if older <= n && (n-older)%livePeople == 0 { // a newer change of the same person has it in it
				w.lags = append(w.lags, now.Sub(at))
				delete(w.asked, older)
			}
		}
	}
}

func (w *watched) next() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	w.asked[w.count] = time.Now()
	return w.count
}

func (w *watched) open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

func (w *watched) take() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	lags := w.lags
	w.lags = nil
	return lags
}
