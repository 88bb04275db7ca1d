package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/publish"
)

const (
	apiKey = "SG.crash"
	scale  = 20 // of SendGrid's clock
	root   = "../../.."
)

// world is the processes, and a connection to look at the broker with.
type world struct {
	t                    *testing.T
	dir                  string
	nats, sendgrid, http string // addresses
	list                 string
	limit                int
	conn                 *broker.Conn
	consumer             *process
}

// newWorld builds the programs as they are now, and starts them: broker, SendGrid, consumer.
func newWorld(t *testing.T, limit int) *world {
	w := &world{t: t, dir: t.TempDir(), nats: freeAddress(t), sendgrid: freeAddress(t), http: freeAddress(t), limit: limit}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", w.dir, "./cmd/consumer", "./cmd/publisher", "github.com/nats-io/nats-server/v2")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	w.file("nats.conf", fmt.Sprintf("listen: %q\njetstream {store_dir: %q, sync_interval: always}\n", w.nats, filepath.Join(w.dir, "jetstream")))
	w.start("the broker", "nats-server", "-c", "nats.conf")
	w.start("the simulator", "consumer", "simulator", "--listen", w.sendgrid, "--api-key", apiKey, "--clock-scale", fmt.Sprint(scale))
	w.await("the broker and the simulator to listen", func() bool { return listens(w.nats) && listens(w.sendgrid) })
	conn, err := broker.Connect(t.Context(), broker.Options{URL: "nats://" + w.nats, Name: "crash"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	w.conn = conn
	if _, err := conn.EnsureEventStream(t.Context(), broker.DefaultEventStream, 1); err != nil {
		t.Fatal(err)
	}
	w.list = w.makeList()
	w.file("rollcall.yaml", w.configuration())
	w.startConsumer()
	return w
}

func (w *world) configuration() string {
	return fmt.Sprintf(`
nats: {url: "nats://%s", takeover: 3s}
http: {listen: "%s"}
accounts:
  - {id: crash, base_url: "http://%s", api_key: "${SENDGRID_API_KEY}", clock_scale: %d, request_timeout: 2s}
destinations:
  - id: crash
    name: Crash
    owner: nobody
    account: crash
    list_id: %s
    segments: [%s]
    consent: {accepted_by: nobody, accepted_on: 2026-11-01}
    profile_cap: %d
    debounce: {quiet: 500ms, max_wait: 2s}
    guard: {min_removals: 1000000}
`, w.nats, w.http, w.sendgrid, scale, w.list, strings.Join(publish.DefaultSegments, ", "), w.limit)
}

func (w *world) file(name, text string) {
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// process is a program of ours, and the end of what it says.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	log  bytes.Buffer
}

// start runs a program of the world's folder until the test's end, and shows the end of its log where the test failed.
func (w *world) start(name string, program ...string) *process {
	w.t.Helper()
	p := &process{done: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(w.dir, program[0]), program[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = w.dir, &p.log, &p.log
	p.cmd.Env = []string{"SENDGRID_API_KEY=" + apiKey, "HOME=" + w.dir}
	if err := p.cmd.Start(); err != nil {
		w.t.Fatalf("start %s: %v", name, err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }() // how it ended is what the test brought about
	w.t.Cleanup(func() {
		p.kill()
		if w.t.Failed() {
			lines := strings.Split(strings.TrimSpace(p.log.String()), "\n")
			w.t.Logf("%s said at the end:\n%s", name, strings.Join(lines[max(0, len(lines)-15):], "\n"))
		}
	})
	return p
}

// kill is SIGKILL, by the process's own id; it waits until the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // one that has ended is gone as well
	<-p.done
}

func (w *world) startConsumer() { w.consumer = w.start("the consumer", "consumer", "run") }

func (w *world) killConsumer() {
	select {
	case <-w.consumer.done:
		w.t.Fatalf("the consumer had ended by itself: %s", w.consumer.log.String())
	default:
		w.consumer.kill()
	}
}

// publish has the publisher publish a wave, from its standard input. The returned function waits for it.
func (w *world) publish(rows []publish.Row) (wait func()) {
	var in bytes.Buffer
	for _, row := range rows {
		line := map[string]any{"segment_id": row.Segment, "profile_id": row.Profile, "change": row.Change.String()}
		if len(row.Attributes) > 0 {
			line["attributes"] = json.RawMessage(row.Attributes)
		}
		if err := json.NewEncoder(&in).Encode(line); err != nil {
			w.t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(w.t.Context(), filepath.Join(w.dir, "publisher"), "publish", "--format", "ndjson", "--nats-url", "nats://"+w.nats)
	cmd.Stdin = &in
	ended := make(chan error, 1)
	go func() {
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("publisher publish: %w\n%s", err, out)
		}
		ended <- err
	}()
	return func() {
		if err := <-ended; err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) makeList() string {
	var list struct{ ID string }
	w.call(http.MethodPost, "/v3/marketing/lists", strings.NewReader(`{"name":"crash"}`), func(body io.Reader) error { return json.NewDecoder(body).Decode(&list) })
	return list.ID
}

// call asks the simulator.
func (w *world) call(method, path string, in io.Reader, read func(io.Reader) error) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+w.sendgrid+path, in)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		err = errors.New(answer.Status)
	}
	if err = errors.Join(err, read(answer.Body)); err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// await looks until something is so.
func (w *world) await(what string, so func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			s, err := w.standing()
			w.t.Fatalf("waited %v for %s: %v, cursor %d, %v", patience, what, s, s.Cursor, err)
		}
	}
}

func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		conn.Close()
	}
	return err == nil
}
