package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rollcall/internal/testkit"
)

// I12: an error of the broker's or of SendGrid's names nobody in an answer, whoever asks.
func TestAnErrorThatIsShownNamesNobody(t *testing.T) {
	planted := errors.New(`publish to "rollcall.dead.d.p-1815" for ada@example.com: no permission`)
	handler := Handler(Options{
		Loopback: true, Reader: &shown{err: planted}, Live: func() error { return planted }, Ready: func() error { return planted },
	})
	post := httptest.NewRequest(http.MethodPost, "/api/v1/destinations/d/explain", strings.NewReader(`{}`))
	post.Host = "localhost"
	for _, request := range []*http.Request{
		post, get("/", "localhost"), get("/api/v1/destinations", "localhost"), get("/livez", "localhost"), get("/readyz", "localhost"),
	} {
		code, body := ask(t, handler, request)
		if code < 500 || !strings.Contains(body, "no permission") {
			t.Errorf("%s: %d %s", request.URL.Path, code, body)
		}
		testkit.Unnamed(t, []byte(body), "p-1815", "ada@example.com")
	}
}
