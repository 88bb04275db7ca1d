package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/control"
)

// installation is what an operator's commands are measured on: a broker that syncs, SendGrid, a consumer in a process
// of its own, and commands in theirs.
type installation struct {
	o      Operated
	dir    string
	conn   *broker.Conn
	run    *exec.Cmd
	closes []func()
}

// Operated is how operators' commands are measured.
type Operated struct {
	Contacts int // of the destination
	Events   int // on its stream
	Keyed    bool
	Memory   int64 // the consumer's memory_limit; 0 is none
	Said     io.Writer
	Self     string // this program
}

// destination is what the commands name.
const destination = "bench"

// newInstallation starts a broker with the events on a stream; segments are the destination's, url is SendGrid's.
func newInstallation(ctx context.Context, o Operated, url, options string) (i *installation, err error) {
	i = &installation{o: o}
	defer func() {
		if err != nil {
			i.close()
		}
	}()
	if i.dir, err = os.MkdirTemp("", "rollcall-bench-"); err != nil {
		return i, fmt.Errorf("make a directory for the broker: %w", err)
	}
	i.closes = append(i.closes, func() { _ = os.RemoveAll(i.dir) }) // a temporary one: the system's cleaning takes what is left
	b, err := broker.StartEmbedded(broker.EmbeddedOptions{StoreDir: filepath.Join(i.dir, "nats"), Listen: "127.0.0.1:0"})
	if err != nil {
		return i, err
	}
	i.closes = append(i.closes, b.Stop)
	if i.conn, err = broker.Connect(ctx, broker.Options{URL: b.ClientURL(), Name: "bench"}, nil); err != nil {
		return i, err
	}
	i.closes = append(i.closes, i.conn.Close)
	if err = fill(ctx, i.conn, stream, Workload{Profiles: o.Contacts, Events: o.Events, Keyed: o.Keyed}); err != nil {
		return i, err
	}
	text := fmt.Sprintf(`nats: {url: %q}
http: {listen: "127.0.0.1:0"}
log: {level: warn}
memory_limit: %d
accounts:
  - {id: bench, base_url: %q, api_key: "${ROLLCALL_BENCH_KEY}", %s}
destinations:
  - id: %s
    name: bench
    owner: bench
    account: bench
    list_id: %s
    stream: %s
    segments: [%s, %s]
    consent: {accepted_by: bench, accepted_on: 2026-11-01}
    profile_cap: 0
    debounce: {quiet: %s, max_wait: 60s}
`, b.ClientURL(), o.Memory, url, options, destination, listID, stream, segmentID, liveSegment, quiet)
	if err = os.WriteFile(i.config(), []byte(text), 0o600); err != nil {
		return i, fmt.Errorf("write the configuration: %w", err)
	}
	return i, nil
}

const (
	stream      = "BENCH"
	liveSegment = "live"
)

func (i *installation) config() string { return filepath.Join(i.dir, "rollcall.yaml") }

func (i *installation) close() {
	i.stop()
	for _, undo := range slices.Backward(i.closes) {
		undo()
	}
}

func (i *installation) command(ctx context.Context, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, i.o.Self, append(arguments, "--config", i.config())...)
	c.Env = append(os.Environ(), "ROLLCALL_BENCH_KEY=SG.simulator")
	return c
}

// start runs the consumer until it has listed everybody.
func (i *installation) start(ctx context.Context, listed int) error {
	i.run = i.command(ctx, "run")
	var errs bytes.Buffer
	i.run.Stderr = &errs
	if err := i.run.Start(); err != nil {
		return fmt.Errorf("start the consumer: %w", err)
	}
	return i.until(ctx, func(a *control.StatusAnswer) bool {
		return a.Replica != "" && a.Listed >= listed && a.Window+a.OnTheWay+a.InDoubt == 0 && a.IntakePending == 0
	})
}

// until waits for how the destination stands.
func (i *installation) until(ctx context.Context, done func(*control.StatusAnswer) bool) error {
	for {
		var a control.StatusAnswer
		err := control.Call(ctx, i.conn.NC, destination, control.Status, control.Request{}, &a)
		if err == nil && done(&a) {
			return nil
		}
		if a.Reason != "" {
			return fmt.Errorf("the destination is suspended: %s", a.Reason)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// stop stops the consumer as an operator does.
func (i *installation) stop() {
	if i.run == nil {
		return
	}
	_ = i.run.Process.Signal(syscall.SIGTERM) // one that has ended needs none
	_ = i.run.Wait()                          // how it ended was seen by what did not come
	i.run = nil
}

// ask runs a command with --json and reads its answer; took is the whole process's.
func (i *installation) ask(ctx context.Context, answer any, arguments ...string) (took time.Duration, err error) {
	c := i.command(ctx, append(arguments, "--json")...)
	var errs bytes.Buffer
	c.Stderr = &errs
	began := time.Now()
	out, err := c.Output()
	took = time.Since(began)
	if err != nil {
		return took, fmt.Errorf("consumer %s: %w: %s", strings.Join(arguments, " "), err, errs.String())
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return took, fmt.Errorf("read the answer of consumer %s: %w", arguments[0], err)
	}
	return took, nil
}

// resident is how many bytes of the consumer are in memory; 0 where the system does not tell.
func (i *installation) resident() uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", i.run.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// mostResident is the most bytes that the consumer ever had in memory, and how many of them are the program's file, which
// no limit of Go's memory counts; 0 where the system does not tell.
func (i *installation) mostResident() (most, text uint64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.run.Process.Pid))
	if err != nil {
		return 0, 0
	}
	bytes := func(key string) uint64 {
		_, rest, _ := strings.Cut(string(status), key)
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return 0
		}
		kib, _ := strconv.ParseUint(fields[0], 10, 64) // the system's own digits
		return kib << 10
	}
	return bytes("VmHWM:"), bytes("RssFile:")
}
