// Package broker is everything that Rollcall asks of NATS JetStream but the ledger's journal: the
// connection, a broker of our own inside the process, the streams and whether theirs fit, the source of
// events, reading events again by sequence, dead letters, receipts, leases and secure deletion.
//
// It guarantees that events come in stream order without a gap (or not at all), that an acknowledgement
// is cumulative, confirmed and never of an event that was not handed out, that a re-read event is the
// one at that sequence, and that a dead letter is confirmed by the broker before it is reported as
// published. It does not decide anything about an event, and it holds no state that a restart needs: the
// ledger's cursor is the truth, acknowledgements only show it (design: docs/architecture.md, the ledger).
package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/jsm.go/natscontext"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"rollcall/internal/scrub"
)

// connectTimeout is how long one dial and one JetStream request may take where the caller set no deadline.
const connectTimeout = 5 * time.Second

// pingEvery is how often a server has to show that it is there: one that stands still, or that the network lost, is left after two
// to three of them. Answers queue behind events, so a slow link must have time for what was pulled.
const pingEvery = 3 * time.Second

// TLS names the files of a TLS client; all are optional.
type TLS struct {
	CAFile, CertFile, KeyFile string
}

// Options says how to reach a broker. Without any of URL, Context and Embedded it is nats.DefaultURL.
type Options struct {
	URL       string    // comma-separated servers
	Context   string    // a context of the nats command line tool; URL, where given as well, wins over its servers
	Embedded  *Embedded // a broker in this process; no TCP port is needed
	User      *User     // by name and password; the embedded broker's first user where nil
	CredsFile string
	NKeyFile  string
	TLS       TLS
	Domain    string // JetStream domain
	// InboxPrefix is what every subject begins with on which answers arrive; empty is the context's, else _INBOX.
	InboxPrefix string
	// Gets reads streams by get requests alone: whoever may only look needs no right to make a consumer. Slower on long streams.
	Gets     bool
	Name     string // of the connection, shown by the broker
	Replicas int    // of the streams that we create; 0 is 1
}

// Conn is one connection to the broker with its JetStream context. It is safe for concurrent use.
type Conn struct {
	NC *nats.Conn
	JS jetstream.JetStream

	log      *zap.Logger
	prefix   string // of the JetStream API, with its final dot
	replicas int
	gets     bool
	closed   chan struct{}
}

// Connect dials the broker and waits until it answers or ctx ends; it does not wait for JetStream. The
// connection then reconnects for ever by itself.
func Connect(ctx context.Context, o Options, log *zap.Logger) (*Conn, error) {
	log = scrub.Logger(log)
	opts, url, err := o.natsOptions(log)
	if err != nil {
		return nil, err
	}
	c := &Conn{log: log, prefix: apiPrefix(o.Domain), replicas: max(o.Replicas, 1), gets: o.Gets, closed: make(chan struct{})}
	opts = append(opts, nats.ClosedHandler(func(*nats.Conn) { close(c.closed) }))
	if c.NC, err = dial(ctx, url, opts); err != nil {
		return nil, fmt.Errorf("connect to the broker at %s: %w (is it running, and does nats.url name it?)", redact(url), err)
	}
	if o.Domain != "" {
		c.JS, err = jetstream.NewWithDomain(c.NC, o.Domain)
	} else {
		c.JS, err = jetstream.New(c.NC)
	}
	if err != nil {
		c.NC.Close()
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	return c, nil
}

// dial tries until ctx ends: a broker that starts a moment later than we do is no error.
func dial(ctx context.Context, url string, opts []nats.Option) (*nats.Conn, error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		nc, err := nats.Connect(url, opts...)
		if err == nil || permanentDialError(err) {
			return nc, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

func permanentDialError(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrInvalidConnection) ||
		errors.Is(err, nats.ErrNkeysNotSupported) || strings.Contains(err.Error(), "parse")
}

// Gets reports whether streams are read by get requests alone, as the options say.
func (c *Conn) Gets() bool { return c.gets }

// Close drains the connection: what was published is flushed, then it closes. It waits for that, a few
// seconds at most.
func (c *Conn) Close() {
	if c.NC.IsClosed() {
		return
	}
	if err := c.NC.Drain(); err != nil {
		c.NC.Close()
	}
	select {
	case <-c.closed:
	case <-time.After(connectTimeout):
		c.NC.Close()
		<-c.closed
	}
}

// Reconnects counts how often the connection was re-made. After each, the event stream is to be looked
// at again before anything is taken from it: it may be another one by the same name (H11).
func (c *Conn) Reconnects() uint64 { return c.NC.Stats().Reconnects }

func (o Options) natsOptions(log *zap.Logger) ([]nats.Option, string, error) {
	opts := []nats.Option{
		nats.Name(o.Name), nats.Timeout(connectTimeout), nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 250*time.Millisecond),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2), nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("broker connection lost; reconnecting", zap.Error(err))
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("broker connection is back", zap.String("server", nc.ConnectedUrlRedacted()))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("broker reported an error", zap.Error(err))
		}),
	}
	url := o.URL
	if o.User == nil && o.Embedded != nil {
		o.User = o.Embedded.user
	}
	if o.User != nil {
		opts = append(opts, nats.UserInfo(o.User.Name, o.User.Password))
	}
	if o.Embedded != nil {
		return append(o.answers(opts), nats.InProcessServer(o.Embedded.server)), "", nil
	}
	if o.Context != "" {
		named, err := natscontext.New(o.Context, true)
		if err != nil {
			return nil, "", fmt.Errorf("read the nats context %q: %w (`nats context ls` shows those that exist)", o.Context, err)
		}
		more, err := named.NATSOptions()
		if err != nil {
			return nil, "", fmt.Errorf("read the nats context %q: %w", o.Context, err)
		}
		if opts = append(opts, more...); url == "" {
			url = named.ServerURL()
		}
	}
	if url == "" {
		url = nats.DefaultURL
	}
	opts, err := o.credentials(o.answers(opts))
	return opts, url, err
}

// answers sets where answers arrive: a user who may subscribe to nothing else reads nobody else's.
func (o Options) answers(opts []nats.Option) []nats.Option {
	if o.InboxPrefix == "" {
		return opts
	}
	return append(opts, nats.CustomInboxPrefix(o.InboxPrefix))
}

// credentials adds what identifies us. The files are read again at each reconnect, so that rotated ones
// are taken up.
func (o Options) credentials(opts []nats.Option) ([]nats.Option, error) {
	if err := o.readable(); err != nil {
		return nil, err
	}
	if o.CredsFile != "" {
		opts = append(opts, nats.UserCredentials(o.CredsFile))
	}
	if o.NKeyFile != "" {
		nkey, err := nats.NkeyOptionFromSeed(o.NKeyFile)
		if err != nil {
			return nil, fmt.Errorf("read nats.nkey_file %s: %w", o.NKeyFile, err)
		}
		opts = append(opts, nkey)
	}
	if o.TLS.CAFile != "" {
		opts = append(opts, nats.RootCAs(o.TLS.CAFile))
	}
	if o.TLS.CertFile != "" || o.TLS.KeyFile != "" {
		opts = append(opts, nats.ClientCert(o.TLS.CertFile, o.TLS.KeyFile))
	}
	return opts, nil
}

func apiPrefix(domain string) string {
	if domain == "" {
		return "$JS.API."
	}
	return "$JS." + domain + ".API."
}

// redact takes user information out of URLs, so that they can be shown.
func redact(urls string) string {
	parts := strings.Split(urls, ",")
	for i, part := range parts {
		at := strings.LastIndexByte(part, '@')
		if at < 0 {
			continue
		}
		scheme := ""
		if s := strings.Index(part, "://"); s >= 0 && s < at {
			scheme = part[:s+3]
		}
		parts[i] = scheme + "***@" + part[at+1:]
	}
	return strings.Join(parts, ",")
}
