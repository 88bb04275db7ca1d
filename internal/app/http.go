package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"rollcall/internal/config"
	"rollcall/internal/control"
	"rollcall/internal/desk"
	"rollcall/internal/web"
)

// stopHTTP is how long requests under way may go on once the app stops.
const stopHTTP = 5 * time.Second

// serveHTTP opens health, metrics and the operator's page; no address configured is none of them.
func (a *App) serveHTTP(ctx context.Context) error {
	if a.cfg.HTTP.Listen == "" {
		return nil
	}
	o := web.Options{
		Gatherer: a.registry, Reader: reader{a}, Live: a.live, Ready: a.readiness,
		Version: a.opts.Version, Log: a.log.Named("http"), ConfigFile: a.cfg.HTTP.WebConfigFile,
	}
	if path := a.cfg.HTTP.TokenFile; path != "" {
		o.Token = config.FileSecret("http token", path).Value
	}
	server, err := web.Listen(ctx, a.cfg.HTTP.Listen, o)
	if err != nil {
		return err
	}
	a.http = server.Addr()
	a.onStop("http", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, stopHTTP)
		defer cancel()
		return server.Stop(ctx)
	})
	return nil
}

var (
	errNotReady   = errors.New("the broker has not been reached yet")
	errUnreached  = errors.New("the broker cannot be reached")
	errLoopStands = errors.New("a destination's loop has not turned for a while")
)

// stuckAfter is how long a loop may be without turning: far beyond any single step of it.
const stuckAfter = 2 * time.Minute

// live reports whether the loops turn. A standby has none.
func (a *App) live() error {
	if !a.ready.Load() {
		return nil
	}
	for _, r := range a.runners {
		if d := r.active.Load(); d != nil && time.Since(d.Turned()) > stuckAfter {
			return fmt.Errorf("%s: %w", r.cfg.ID, errLoopStands)
		}
	}
	return nil
}

// reached reports whether the broker is connected, at any time.
func (a *App) reached() bool {
	conn := a.link.Load()
	return conn != nil && conn.NC.IsConnected()
}

// readiness reports whether the configuration was read and the broker answers. A standby is ready, and a
// suspended destination does not make it unready.
func (a *App) readiness() error {
	switch {
	case !a.ready.Load():
		return errNotReady
	case !a.reached():
		return errUnreached
	}
	return nil
}

// reader answers the operator's page: of destinations that are active elsewhere it asks their replica.
type reader struct{ app *App }

const askReplica = 2 * time.Second

// atOnce is how many destinations are asked about at a time.
const atOnce = 16

// Status gives every destination of the file and the orphans, as `consumer status` does.
func (r reader) Status(ctx context.Context) (web.Overview, error) {
	overview := web.Overview{Trouble: r.app.troubled()}
	if !r.app.ready.Load() {
		answers := make([]control.StatusAnswer, 0, len(r.app.cfg.Destinations))
		for i := range r.app.cfg.Destinations {
			var nothing known
			answers = append(answers, nothing.stale(desk.Describe(r.app.cfg, &r.app.cfg.Destinations[i]), overview.Trouble))
		}
		overview.Destinations = answers
		return overview, nil
	}
	answers := make([]control.StatusAnswer, len(r.app.runners))
	var asking sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, run := range r.app.runners {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			answers[i] = run.status(ctx)
			if len(answers[i].Standbys) == 0 {
				answers[i].Standbys = r.app.standbys(run.cfg.ID, answers[i].Replica)
			}
		})
	}
	asking.Wait()
	overview.Destinations = append(answers, r.app.orphaned.answers(overview.Trouble)...)
	return overview, nil
}

// Query answers from what the broker keeps, or asks the active replica of a destination and, where nobody is active, the
// ledger and the streams.
func (r reader) Query(ctx context.Context, destination, name string, body []byte) (any, error) {
	if !r.app.ready.Load() {
		return nil, errNotReady
	}
	unknown := &control.Error{Code: control.NotFound, Message: "there is no destination " + destination + " here"}
	request := control.Request{Who: asker(ctx), Args: body}
	run, here := r.app.runner(destination)
	if read, ok := stored[name]; ok {
		if !here {
			return nil, unknown
		}
		return read(ctx, r.app.conn, destination, request)
	}
	if name == string(control.Backup) {
		if err := noArgs(request); err != nil {
			return nil, err
		}
	}
	asking, cancel := context.WithTimeout(ctx, askReplica)
	defer cancel()
	var answer json.RawMessage // as it is: a number that passes through a float loses its last digits
	err := control.Call(asking, r.app.conn.NC, destination, control.Command(name), request, &answer)
	if !errors.Is(err, control.ErrNoneActive) {
		return answer, err
	}
	if !here {
		return nil, unknown
	}
	return desk.New(desk.Options{
		Config: r.app.cfg, Destination: run.cfg, Conn: r.app.conn, SendGrid: run.account.client, Log: r.app.log,
	}).Command(ctx, control.Command(name), request)
}

// asker names who asks over HTTP, by the line of the token file.
func asker(ctx context.Context) string {
	if name := web.WhoAsks(ctx).Name; name != "" {
		return "http:" + name
	}
	return "http"
}

// HTTPAddr is where health, metrics and the operator's page are; empty where they are not served.
func (a *App) HTTPAddr() string { return a.http }
