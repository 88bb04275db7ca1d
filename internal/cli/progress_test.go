package cli

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/schollz/progressbar/v3"

	"rollcall/internal/demo"
	"rollcall/internal/publish"
)

// Elsewhere than on a terminal, progress is plain lines, one every few seconds, with rate and remaining time.
func TestProgressElsewhereIsALineEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newPublisherProgress(&Env{Stderr: &out}, 1000)
		for n := range uint64(101) { // one event each 100 ms: ten seconds
			p.observe(publish.Progress{Acked: n, Rows: n})
			time.Sleep(100 * time.Millisecond)
		}
		want := "published 50 of about 1,000 events, 10/s, 1m35s left\npublished 100 of about 1,000 events, 10/s, 1m30s left\n"
		if out.String() != want {
			t.Errorf("said\n%swant\n%s", out.String(), want)
		}
	})
}

// What was refused shows while it goes on, not at the end only.
func TestProgressTellsOfRefusedRows(t *testing.T) {
	var out, drawn bytes.Buffer
	p := newPublisherProgress(&Env{Stderr: &out}, 1000)
	p.every = 0
	p.refused.Store(1234)
	p.observe(publish.Progress{Acked: 500, Rows: 500})
	if !strings.HasSuffix(out.String(), " left, 1,234 refused\n") {
		t.Errorf("said %q", out.String())
	}
	p.bar = progressbar.NewOptions64(-1, append(barOptions(&drawn), progressbar.OptionThrottle(0))...)
	p.observe(publish.Progress{Acked: 600, Rows: 600})
	if !strings.Contains(drawn.String(), "publishing, 1,234 refused") {
		t.Errorf("the bar is %q", drawn.String())
	}
}

// How many events an input has is reckoned from the part of it that was read.
func TestProgressOfAnInputReckonsItsEvents(t *testing.T) {
	p := newPublisherProgress(&Env{Stderr: &bytes.Buffer{}}, 0)
	if got := p.expect(7); got != 0 {
		t.Errorf("with nothing read %d events are expected", got)
	}
	p.total.Store(4000)
	p.read.Store(1000)
	p.rows.Store(50)
	if got := p.expect(7); got != 200 {
		t.Errorf("a quarter of the input with 50 rows: %d events are expected, want 200", got)
	}
	if got := p.expect(300); got != 301 {
		t.Errorf("when more are published than were reckoned: %d", got)
	}
}

// On a terminal a bar shows count, rate and remaining time.
func TestProgressOnATerminalIsABar(t *testing.T) {
	var out bytes.Buffer
	p := newPublisherProgress(&Env{Stderr: &out}, 1000)
	p.every = 0
	p.bar = progressbar.NewOptions64(-1, append(barOptions(&out), progressbar.OptionThrottle(0))...)
	p.observe(publish.Progress{Acked: 250, Rows: 250})
	text := out.String()
	if !regexp.MustCompile(`publishing\s+25% .*250/1000.*events/s.*\[`).MatchString(text) || strings.Contains(text, "\n") {
		t.Errorf("the bar is %q", text)
	}
	p.clear()
}

// A demo's progress is one line that changes on a terminal, and lines of their own elsewhere.
func TestADemosProgressChangesItsLineOnATerminalAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, terminal := range []bool{true, false} {
			var out bytes.Buffer
			p := &demoProgress{env: &Env{Stderr: &out}, to: &out, terminal: terminal}
			for range 100 { // ten seconds
				p.update(demo.Progress{Phase: demo.Publishing, Published: 5, Rows: 10})
				time.Sleep(100 * time.Millisecond)
			}
			p.end()
			wantLines, wantDrawn := 2, 0
			if terminal {
				wantLines, wantDrawn = 1, 50
			}
			if lines, drawn := strings.Count(out.String(), "\n"), strings.Count(out.String(), "\r"); lines != wantLines || drawn != wantDrawn {
				t.Errorf("on a terminal %v: %d lines, drawn over %d times, want %d and %d", terminal, lines, drawn, wantLines, wantDrawn)
			}
		}
	})
}
