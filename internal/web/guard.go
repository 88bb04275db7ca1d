package web

import (
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

// admit asks for a token wherever one is configured, from this machine too: a proxy beside us may ask exactly as a person
// on the machine does. The token comes as bearer or as the password of basic authentication, which browsers ask for.
func (g guard) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := Identity{Role: Read}
		if g.token == nil {
			if reason := g.foreign(r); reason != "" {
				refuse(w, http.StatusForbidden, reason)
				return
			}
			next.ServeHTTP(w, r.WithContext(withIdentity(r.Context(), who)))
			return
		}
		tokens, err := g.tokens()
		if err != nil {
			g.log.Error("the token of http.token_file can't be read; nobody is let in", zap.Error(err))
			refuse(w, http.StatusForbidden, "the configured token can't be read; see the consumer's log")
			return
		}
		who, ok := find(tokens, offered(r))
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="rollcall", charset="UTF-8"`)
			refuse(w, http.StatusUnauthorized, "a token is needed: Authorization: Bearer TOKEN, or TOKEN as the password")
			return
		}
		next.ServeHTTP(w, r.WithContext(withIdentity(r.Context(), who)))
	})
}

func (g guard) tokens() ([]Token, error) {
	text, err := g.token()
	if err != nil {
		return nil, err
	}
	return ParseTokens(text)
}

// foreign says why a request without a token is not from this machine, or nothing. The listener and the host that was
// asked for have to be this machine's: the second keeps out web pages that pointed a name of theirs at 127.0.0.1. And no
// proxy may have had the request: its client can be anywhere.
func (g guard) foreign(r *http.Request) string {
	if !g.loopback || !localHost(r.Host) {
		return "no token is configured: set http.token_file, or ask on the machine itself"
	}
	for name := range r.Header {
		if proxied(name) {
			return "the request came through a proxy (it carries " + name + "), and no token is configured: set http.token_file"
		}
	}
	return ""
}

// proxied reports whether only proxies set a header of that name, in its canonical form.
func proxied(name string) bool {
	switch name {
	case "Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "X-Original-")
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
