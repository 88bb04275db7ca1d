// Package web serves health, metrics, the operator's page and its JSON over HTTP, all of them only for
// reading.
//
// It guarantees that the page and the JSON are shown to who has a token and nobody else, or, where none is
// configured, to this machine without a proxy between, that persons are named in the bodies of POST requests and never in a path, and that no request can
// hold a connection or the process's memory for long. What is shown comes from the Reader.
package web

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"rollcall/internal/scrub"
)

// Reader answers for the destinations. Its errors reach the operator; one with a method HTTPStatus() int
// chooses the status. Answers are encoded as JSON.
type Reader interface {
	// Status gives every destination's.
	Status(ctx context.Context) (Overview, error)
	// Query asks one destination about a person, its line or its records: name is one of Queries, body the request's JSON.
	Query(ctx context.Context, destination, name string, body []byte) (any, error)
}

// Overview is every destination, and what keeps all of them from being told of.
type Overview struct {
	Destinations any    `json:"destinations"`      // a slice; one with a key as_of is of that time
	Trouble      string `json:"trouble,omitempty"` // why nobody can be asked
}

// Queries are the readers under /api/v1/destinations/<id>/ that take a POST.
var Queries = []string{"explain", "waiting", "dead-letters", "receipts", "ledger"}

// Options is what a handler serves. Nil functions are taken as "fine".
type Options struct {
	Gatherer   prometheus.Gatherer
	Reader     Reader
	Live       func() error           // whether the loops turn
	Ready      func() error           // configuration read, broker reachable
	Token      func() (string, error) // the text of the token file (ParseTokens); nil: no token is configured
	ConfigFile string                 // of TLS, in the form of Prometheus' exporters; "" is plain HTTP
	Loopback   bool                   // the listener is reached from this machine alone
	Version    string
	Log        *zap.Logger
}

// Handler is the whole tree.
func Handler(options Options) http.Handler {
	options.Log = scrub.Logger(options.Log)
	mux := http.NewServeMux()
	mux.Handle("GET /livez", health(options.Live))
	mux.Handle("GET /readyz", health(options.Ready))
	if options.Gatherer != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(options.Gatherer, promhttp.HandlerOpts{}))
	}
	if options.Reader == nil {
		return secure(mux)
	}
	door := guard{token: options.Token, loopback: options.Loopback, log: options.Log}
	api := api{reader: options.Reader, log: options.Log}
	mux.Handle("GET /{$}", door.admit(page(options.Reader, options.Version)))
	mux.Handle("GET /api/v1/destinations", door.admit(http.HandlerFunc(api.destinations)))
	for _, name := range Queries {
		mux.Handle("POST /api/v1/destinations/{id}/"+name, door.admit(api.query(name)))
	}
	return secure(mux)
}

// health answers 200 and "ok", or 503 and the reason.
func health(check func() error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if check != nil {
			if err := check(); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				write(w, []byte(scrub.Text(err.Error())+"\n"))
				return
			}
		}
		write(w, []byte("ok\n"))
	})
}

// write ignores the error: it says that the client went away, and there is nobody left to tell.
func write(w http.ResponseWriter, body []byte) { _, _ = w.Write(body) }

// secure sets what keeps an answer out of other sites' reach and of caches.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// Time limits of the server: a reader that dawdles is cut off.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
)
