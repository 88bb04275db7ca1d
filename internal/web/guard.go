package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"go.uber.org/zap"
)

// guard decides who reads.
type guard struct {
	token    func() (string, error)
	loopback bool
	log      *zap.Logger
}

// admit lets a request through without a token where both the listener and the host that was asked for
// are this machine's: the second keeps out what comes through a proxy beside us, and web pages that
// pointed a name of theirs at 127.0.0.1. Any other needs the token, as bearer or as the password of basic
// authentication, which browsers ask for.
func (g guard) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.loopback && localHost(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		if g.token == nil {
			refuse(w, http.StatusForbidden, "no token is configured: set http.token_file, or ask on the machine itself")
			return
		}
		want, err := g.token()
		if err != nil {
			g.log.Error("the token of http.token_file can't be read; nobody is let in", zap.Error(err))
			refuse(w, http.StatusForbidden, "the configured token can't be read; see the consumer's log")
			return
		}
		if !equal(offered(r), want) {
			w.Header().Set("WWW-Authenticate", `Basic realm="rollcall", charset="UTF-8"`)
			refuse(w, http.StatusUnauthorized, "a token is needed: Authorization: Bearer TOKEN, or TOKEN as the password")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func localHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func offered(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// equal compares hashes, so that neither content nor length shows in the time it takes.
func equal(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return want != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
