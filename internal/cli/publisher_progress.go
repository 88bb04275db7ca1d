package cli

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"rollcall/internal/people"
	"rollcall/internal/publish"
)

// publisherProgress shows how a publication goes on standard error: a bar with rate and remaining time on a terminal, a line every few
// seconds elsewhere. How many events there will be is reckoned from how much of the input they took so far.
type publisherProgress struct {
	env   *Env
	to    io.Writer
	every time.Duration

	refused           atomic.Int64 // rows
	total, read, rows atomic.Int64 // bytes of the input, of them read, and rows in those; without an input total counts events
	input             bool

	mu    sync.Mutex
	bar   *progressbar.ProgressBar // on a terminal
	begun time.Time
	last  time.Time
}

// newPublisherProgress makes one for a number of events, or for an input where events is 0.
func newPublisherProgress(env *Env, events int) *publisherProgress {
	p := &publisherProgress{env: env, to: env.Stderr, every: 5 * time.Second, input: events == 0, begun: time.Now(), last: time.Now()}
	p.total.Store(int64(events))
	if isTerminal(env.Stderr) && !env.json {
		p.every = 100 * time.Millisecond
		p.bar = progressbar.NewOptions64(-1, barOptions(p.to)...)
	}
	return p
}

// barOptions make a bar with count, rate and remaining time. It has no spinner: that would be drawn by a goroutine that nobody waits for,
// also over a line that was cleared for somebody else.
func barOptions(to io.Writer) []progressbar.Option {
	return []progressbar.Option{
		progressbar.OptionSetWriter(to), progressbar.OptionSetDescription("publishing"), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"), progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30), progressbar.OptionSetSpinnerChangeInterval(0),
	}
}

// expect is how many events there will be, as far as can be known; 0 is not at all.
func (p *publisherProgress) expect(acked int64) int64 {
	total := p.total.Load()
	if p.input {
		read := p.read.Load()
		if total == 0 || read == 0 {
			return 0
		}
		total = int64(float64(p.rows.Load()) * float64(total) / float64(min(read, total)))
	}
	return max(total, acked+1)
}

// observe is told of each acknowledgement.
func (p *publisherProgress) observe(now publish.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.last) < p.every {
		return
	}
	p.last = time.Now()
	done := int64(max(now.Acked, p.judged(now)))
	total := p.expect(done)
	if p.bar != nil {
		if total > 0 {
			p.bar.ChangeMax64(total)
		}
		if n := p.refused.Load(); n > 0 {
			p.bar.Describe("publishing, " + count(n) + " refused")
		}
		_ = p.bar.Set64(done) // a bar that can't be drawn is no failure
		return
	}
	rate := float64(done) / time.Since(p.begun).Seconds()
	line := fmt.Sprintf("published %s, %s/s", people.Of(done, "event"), count(int64(rate)))
	if total > 0 {
		line = fmt.Sprintf("published %s of about %s, %s/s, %s left", count(done), people.Of(total, "event"), count(int64(rate)), span(float64(total-done)/max(rate, 1)))
	}
	if n := p.refused.Load(); n > 0 {
		line += ", " + count(n) + " refused"
	}
	p.env.tell("info", line, nil)
}

// judged is how far a rehearsal has come, which has nothing acknowledged.
func (p *publisherProgress) judged(now publish.Progress) uint64 {
	if now.Acked == 0 {
		return now.Rows
	}
	return 0
}

// clear takes the bar away, for a line of somebody else's or for good.
func (p *publisherProgress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// counted counts what is read of an input.
type counted struct {
	io.Reader
	read *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.read.Add(int64(n))
	return n, err
}
