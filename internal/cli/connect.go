package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/broker"
	"rollcall/internal/config"
)

// patience is how long a command other than run waits for its broker.
const patience = 5 * time.Second

// connect reaches the broker of a nats section, and gives up after a few seconds. With an embedded broker
// it connects to the one that runs, and where nobody listens starts one over the store until closed.
func connect(ctx context.Context, section config.NATS, log *zap.Logger) (*broker.Conn, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	options, stop, err := brokerOptions(section, log)
	if err != nil {
		return nil, nil, err
	}
	options.Gets = true // a command that looks needs no right to make a consumer
	conn, err := broker.Connect(ctx, options, log)
	if err != nil {
		stop()
		return nil, nil, err
	}
	return conn, func() { conn.Close(); stop() }, nil
}

func brokerOptions(section config.NATS, log *zap.Logger) (broker.Options, func(), error) {
	options := broker.Options{
		URL: section.URL, Context: section.Context, CredsFile: section.CredsFile, NKeyFile: section.NKeyFile,
		TLS:    broker.TLS{CAFile: section.TLS.CAFile, CertFile: section.TLS.CertFile, KeyFile: section.TLS.KeyFile},
		Domain: section.Domain, InboxPrefix: section.InboxPrefix, Name: section.Name, Replicas: section.Replicas,
	}
	if section.Embedded == nil {
		return options, func() {}, nil
	}
	if users := section.Embedded.Users; len(users) > 0 {
		options.User = &broker.User{Name: users[0].Name, Password: users[0].Password}
	}
	options.URL = "nats://" + reachable(section.Embedded.Listen)
	if listens(section.Embedded.Listen) {
		return options, func() {}, nil
	}
	embedded, err := broker.StartEmbedded(broker.EmbeddedOptions{StoreDir: section.Embedded.StoreDir, Log: log})
	switch {
	case errors.Is(err, broker.ErrStoreInUse):
		return options, func() {}, nil // its owner starts, and listens in a moment
	case err != nil:
		return options, nil, fmt.Errorf("nobody listens on %s, and a broker over %s can't be started: %w", section.Embedded.Listen, section.Embedded.StoreDir, err)
	}
	options.Embedded, options.User = embedded, nil
	return options, embedded.Stop, nil
}

// listens reports whether a broker answers on the address.
func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", reachable(address), 500*time.Millisecond)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// reachable is where to dial what listens on an address: a broker on every interface is here too.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}
