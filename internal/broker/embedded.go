package broker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
)

// lockName is the file in the store directory that keeps two brokers off one store.
const lockName = "rollcall.lock"

// User is a name and password that the embedded broker accepts.
type User struct{ Name, Password string }

// EmbeddedOptions describes a broker inside this process.
type EmbeddedOptions struct {
	StoreDir string // made where it is missing
	Listen   string // host:port, port 0 for a free one; empty opens no port at all
	Users    []User // who may connect over TCP; needed for anything but loopback
	Log      *zap.Logger
}

// Embedded is a single JetStream server inside this process that syncs every write to disk before it
// acknowledges it. It has no replication: one box, one disk.
type Embedded struct {
	server *server.Server
	lock   *storeLock
	url    string
	user   *User // who connects in-process, where the broker has users
}

// ErrStoreInUse says that another process has the store directory open.
var ErrStoreInUse = errors.New("the store directory is in use by another process")

// StartEmbedded starts a broker and returns when it is ready for connections.
func StartEmbedded(o EmbeddedOptions) (*Embedded, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	so, err := o.serverOptions()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.StoreDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the broker's store directory: %w", err)
	}
	lock, err := lockStore(filepath.Join(o.StoreDir, lockName))
	if err != nil {
		return nil, fmt.Errorf("lock the broker's store %s: %w (is another consumer running over it?)", o.StoreDir, err)
	}
	s, err := server.NewServer(so)
	if err != nil {
		lock.release()
		return nil, fmt.Errorf("set up the embedded broker: %w", err)
	}
	fatal := newServerLog(o.Log)
	s.SetLoggerV2(fatal, false, false, false)
	go s.Start()
	e := &Embedded{server: s, lock: lock}
	if err := e.waitReady(fatal); err != nil {
		e.Stop()
		return nil, fmt.Errorf("start the embedded broker on %q over %s: %w", o.Listen, o.StoreDir, err)
	}
	if o.Listen != "" {
		e.url = s.ClientURL()
	}
	if len(o.Users) > 0 {
		e.user = &o.Users[0]
	}
	return e, nil
}

// waitReady returns once clients can connect, or with the reason that the server gave up for.
func (e *Embedded) waitReady(log *serverLog) error {
	for range 300 { // 30 s: a big store is recovered before the port opens
		if e.server.ReadyForConnections(100 * time.Millisecond) {
			return nil
		}
		if reason := log.fatal(); reason != "" {
			return errors.New(reason)
		}
	}
	return errors.New("not ready after 30 s")
}

// ClientURL is where clients connect, empty where no port was asked for.
func (e *Embedded) ClientURL() string { return e.url }

// Stop shuts the broker down, waits until its files are closed, and lets go of the store.
func (e *Embedded) Stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
	e.lock.release()
}

func (o EmbeddedOptions) serverOptions() (*server.Options, error) {
	so := &server.Options{
		ServerName: "rollcall-embedded", JetStream: true, StoreDir: o.StoreDir,
		// Every acknowledged write is on the disk: the default of two minutes loses what was
		// acknowledged since at a power cut.
		SyncAlways: true, NoSigs: true, DisableJetStreamBanner: true, NoLog: false,
		JetStreamMaxStore: -1, MaxPayload: 1 << 20, DontListen: o.Listen == "",
	}
	for _, u := range o.Users {
		so.Users = append(so.Users, &server.User{Username: u.Name, Password: u.Password})
	}
	if o.Listen == "" {
		return so, nil
	}
	host, port, err := splitListen(o.Listen)
	if err != nil {
		return nil, err
	}
	if !loopback(host) && len(o.Users) == 0 {
		return nil, fmt.Errorf("listen on %q: the embedded broker listens on loopback only, unless it has users", o.Listen)
	}
	so.Host, so.Port = host, port
	return so, nil
}

func splitListen(listen string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("read the listen address %q: %w (write host:port)", listen, err)
	}
	if port, err = strconv.Atoi(text); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("read the listen address %q: %q is no port", listen, text)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return host, port, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
