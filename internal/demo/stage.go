package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/app"
	"rollcall/internal/broker"
	"rollcall/internal/config"
	"rollcall/internal/publish"
	"rollcall/internal/sendgrid/simulator"
	"rollcall/internal/state"
)

// destination is the demo's only one.
const destination = "demo"

// apiKey is what the simulator takes.
const apiKey = "SG.simulator"

// stage is what a demo runs on.
type stage struct {
	opts   Options
	world  World
	began  time.Time
	broker *broker.Embedded
	conn   *broker.Conn
	app    *app.App
	closes []func(context.Context) error // the last is called first
}

func (s *stage) onStrike(f func(context.Context) error) { s.closes = append(s.closes, f) }

// strike stops everything that was set.
func (s *stage) strike(ctx context.Context) error {
	var errs []error
	for _, v := range slices.Backward(s.closes) {
		errs = append(errs, v(ctx))
	}
	s.closes = nil
	return errors.Join(errs...)
}

// set starts broker, SendGrid and consumer.
func (s *stage) set(ctx context.Context) error {
	if err := s.setBroker(ctx); err != nil {
		return err
	}
	if err := s.setSendGrid(ctx); err != nil {
		return err
	}
	cfg, err := s.configuration()
	if err != nil {
		return err
	}
	s.app = app.New(cfg, app.Options{Log: s.opts.Log, Version: s.opts.Version, Conn: s.conn, Replica: "demo"})
	s.onStrike(s.app.Stop)
	if err := s.app.Start(ctx); err != nil {
		return err
	}
	s.world.HTTP = s.app.HTTPAddr()
	return nil
}

func (s *stage) setBroker(ctx context.Context) error {
	b, err := broker.StartEmbedded(broker.EmbeddedOptions{StoreDir: s.opts.storeDir(), Listen: "127.0.0.1:0", Log: s.opts.Log})
	if err != nil {
		return err
	}
	s.broker, s.world.Broker = b, b.ClientURL()
	s.onStrike(func(context.Context) error { b.Stop(); return nil })
	if s.conn, err = broker.Connect(ctx, broker.Options{URL: b.ClientURL(), Name: "rollcall-demo"}, s.opts.Log); err != nil {
		return err
	}
	s.onStrike(func(context.Context) error { s.conn.Close(); return nil })
	return nil
}

func (s *stage) setSendGrid(ctx context.Context) error {
	sim := simulator.New(simulator.Options{Keys: []string{apiKey}, ClockScale: s.opts.ClockScale, Seed: s.opts.Seed})
	s.world.List = sim.AddList("", "Rollcall demo")
	for _, f := range demoFields {
		if f.custom {
			sim.AddField(f.Name, f.Kind)
		}
	}
	faults := append([]simulator.Fault{{Kind: "refuse", Share: refusedShare}}, s.opts.Faults...)
	if err := sim.SetFaults(faults); err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the simulator: %w", err)
	}
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	s.onStrike(func(context.Context) error {
		err := server.Close()
		if got := <-served; !errors.Is(got, http.ErrServerClosed) {
			err = errors.Join(err, got)
		}
		return err
	})
	s.world.Simulator, s.world.SendGrid = sim, "http://"+listener.Addr().String()
	return nil
}

// configuration is what a user would write; everything else is the defaults.
func (s *stage) configuration() (*config.Config, error) {
	var custom strings.Builder
	for _, f := range demoFields {
		if f.custom {
			fmt.Fprintf(&custom, "\n        %s: %s", f.Name, f.Attribute)
		}
	}
	text := fmt.Sprintf(`
http: {listen: "127.0.0.1:0"}
accounts:
  - id: simulated
    base_url: %s
    api_key: ${KEY}
    clock_scale: %g
destinations:
  - id: %s
    name: Rollcall demo
    owner: nobody
    account: simulated
    list_id: %s
    segments: [%s, %s, %s]
    consent: {accepted_by: nobody, accepted_on: 2026-11-01}
    profile_cap: %d
    debounce: {quiet: 1s, max_wait: 5s}
    mapping:
      email: email
      first_name: first_name
      last_name: last_name
      country: country
      city: city
      postal_code: postal_code
      custom_fields:%s
`, s.world.SendGrid, s.opts.ClockScale, destination, s.world.List,
		publish.DefaultSegments[0], publish.DefaultSegments[1], publish.DefaultSegments[2], s.opts.Cap, custom.String())
	cfg, err := config.Parse("demo.yaml", []byte(text), func(name string) (string, bool) { return apiKey, name == "KEY" })
	if err != nil {
		return nil, fmt.Errorf("read the demo's configuration: %w", err)
	}
	return cfg, nil
}

// receipts are the job receipts of the destination.
func (s *stage) receipts(ctx context.Context, visit func(body []byte) error) error {
	state, err := s.conn.JS.Stream(ctx, broker.ReceiptStream)
	if err != nil {
		return fmt.Errorf("read the receipts: %w", err)
	}
	info, err := state.Info(ctx, jetstream.WithSubjectFilter("rollcall.receipts."+destination))
	if err != nil || len(info.State.Subjects) == 0 {
		return err
	}
	return s.conn.ReadRange(ctx, broker.Range{Stream: broker.ReceiptStream, From: 1, To: info.State.LastSeq},
		func(m broker.Message) error { return visit(m.Body) })
}

func (s *stage) stats() state.Stats {
	st, _ := s.app.Stats(destination)
	return st
}
