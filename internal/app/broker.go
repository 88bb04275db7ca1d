package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"rollcall/internal/ask"
	"rollcall/internal/broker"
	"rollcall/internal/config"
)

// connect starts the embedded broker where the configuration has one, waits for the broker, and makes
// the streams that are missing.
func (a *App) connect(ctx context.Context) error {
	if a.opts.Conn != nil {
		a.conn = a.opts.Conn
		a.link.Store(a.conn)
		return a.ensure(ctx)
	}
	n := &a.cfg.NATS
	o := BrokerOptions(n)
	if n.Embedded != nil {
		b, err := StartEmbedded(n.Embedded, a.log)
		if err != nil {
			return err
		}
		a.onStop("the embedded broker", func(context.Context) error { b.Stop(); return nil })
		o.URL = b.ClientURL()
	}
	for {
		conn, err := broker.Connect(ctx, o, a.log)
		if err == nil {
			a.conn = conn
			a.link.Store(conn)
			break
		}
		if ctx.Err() != nil {
			return err
		}
		a.log.Warn("the broker cannot be reached; it is tried again", zap.Error(err))
		if !ask.Pause(ctx, 2*time.Second) {
			return err
		}
	}
	a.onStop("the connection to the broker", func(context.Context) error { a.conn.Close(); return nil })
	return a.ensure(ctx)
}

// ensure makes what is missing at the broker. Trouble with our own streams is tried again; an event stream that
// does not fit, or that the broker refuses to make, suspends its destinations alone (I9).
func (a *App) ensure(ctx context.Context) error {
	o := a.cfg.Topology()
	make := func(ctx context.Context) error { return a.conn.EnsureInternal(ctx, o) }
	if err := a.insist(ctx, &a.ours, make); err != nil {
		return err
	}
	slices.Sort(o.EventStreams)
	for _, name := range slices.Compact(o.EventStreams) {
		a.events[name] = &lacking{}
		err := a.insist(ctx, a.events[name], func(ctx context.Context) error {
			_, err := a.conn.EnsureEvents(ctx, name, o)
			var refused jetstream.JetStreamError
			if errors.As(err, &refused) && refused.APIError() != nil && refused.APIError().Code < 500 {
				a.log.Error("an event stream cannot be made; its destinations are suspended", zap.Error(err))
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// insist tries until the streams are as they are to be, or do not fit, which only an operator can change. What a limit of
// the account does not allow is noted as lacking, and tried again by those who wait for it.
func (a *App) insist(ctx context.Context, lacks *lacking, make func(context.Context) error) error {
	for {
		err := make(ctx)
		if err == nil {
			return nil
		}
		if a.limit(err) {
			a.log.Error("a limit of the account keeps a stream from being made; its destinations are suspended", zap.Error(err))
			lacks.note(make, err)
			return nil
		}
		_, unfit := errors.AsType[*broker.UnfitError](err)
		_, limit := errors.AsType[*broker.LimitError](err)
		if unfit {
			a.log.Error("a stream does not fit; its destinations are suspended", zap.Error(err))
		}
		if unfit || limit {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("make the streams: %w", err)
		}
		a.log.Warn("the streams cannot be made yet; it is tried again", zap.Error(err))
		if !ask.Pause(ctx, 2*time.Second) {
			return fmt.Errorf("make the streams: %w", err)
		}
	}
}

// BrokerOptions says how to reach the broker of a configuration; an embedded one by its listener.
func BrokerOptions(n *config.NATS) broker.Options {
	o := broker.Options{
		URL: n.URL, Context: n.Context, CredsFile: n.CredsFile, NKeyFile: n.NKeyFile,
		TLS:    broker.TLS{CAFile: n.TLS.CAFile, CertFile: n.TLS.CertFile, KeyFile: n.TLS.KeyFile},
		Domain: n.Domain, InboxPrefix: n.InboxPrefix, Name: n.Name, Replicas: n.Replicas,
	}
	if n.Embedded != nil {
		o.URL = "nats://" + n.Embedded.Listen
		if len(n.Embedded.Users) > 0 {
			u := n.Embedded.Users[0]
			o.User = &broker.User{Name: u.Name, Password: u.Password}
		}
	}
	return o
}

// StartEmbedded starts the broker that a configuration describes.
func StartEmbedded(e *config.Embedded, log *zap.Logger) (*broker.Embedded, error) {
	o := broker.EmbeddedOptions{StoreDir: e.StoreDir, Listen: e.Listen, Log: log}
	for _, u := range e.Users {
		o.Users = append(o.Users, broker.User{Name: u.Name, Password: u.Password})
	}
	return broker.StartEmbedded(o)
}
