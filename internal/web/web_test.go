package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// shown is a fake reader.
type shown struct {
	status  any
	trouble string
	err     error
	asked   string
}

func (s *shown) Status(context.Context) (Overview, error) {
	return Overview{Destinations: s.status, Trouble: s.trouble}, s.err
}

func (s *shown) Query(_ context.Context, destination, name string, body []byte) (any, error) {
	s.asked = destination + " " + name + " " + string(body)
	return map[string]string{"state": "listed"}, s.err
}

type coded int

func (c coded) Error() string   { return "destination is not known" }
func (c coded) HTTPStatus() int { return int(c) }

func ask(t *testing.T, handler http.Handler, request *http.Request) (int, string) {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer.Code, answer.Body.String()
}

func get(path, host string) *http.Request {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	request.Host = host
	return request
}

func TestHealthAndMetricsNeedNoToken(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "rollcall_active"}))
	var live, ready error
	handler := Handler(Options{
		Gatherer: registry, Reader: &shown{}, Live: func() error { return live }, Ready: func() error { return ready },
	})
	for path, want := range map[string]string{"/livez": "ok\n", "/readyz": "ok\n", "/metrics": "rollcall_active 0"} {
		if code, body := ask(t, handler, get(path, "consumer:8780")); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	live, ready = errors.New("the loop of newsletter has not turned for 1m0s"), errors.New("the broker is not reachable")
	if code, body := ask(t, handler, get("/livez", "consumer:8780")); code != 503 || !strings.Contains(body, "has not turned") {
		t.Errorf("livez: %d %s", code, body)
	}
	if code, body := ask(t, handler, get("/readyz", "consumer:8780")); code != 503 || !strings.Contains(body, "broker") {
		t.Errorf("readyz: %d %s", code, body)
	}
}

func TestThePageAndTheJSONNeedATokenExceptOnLoopback(t *testing.T) {
	token := func() (string, error) { return "open sesame", nil }
	by := func(r *http.Request, name, value string) *http.Request { r.Header.Set(name, value); return r }
	broken := func() (string, error) { return "", errors.New("gone") }
	bearer := func(r *http.Request, token string) *http.Request {
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	}
	basic := func(r *http.Request, token string) *http.Request { r.SetBasicAuth("any", token); return r }
	for name, c := range map[string]struct {
		options Options
		request *http.Request
		want    int
	}{
		"loopback":                           {Options{Loopback: true}, get("/", "127.0.0.1:8780"), 200},
		"loopback by name":                   {Options{Loopback: true}, get("/", "localhost:8780"), 200},
		"loopback of IPv6":                   {Options{Loopback: true}, get("/", "[::1]:8780"), 200},
		"a name that points at loopback":     {Options{Loopback: true}, get("/", "evil.example:8780"), 403},
		"loopback, one is configured":        {Options{Loopback: true, Token: token}, get("/", "127.0.0.1:8780"), 401},
		"loopback, one is offered":           {Options{Loopback: true, Token: token}, bearer(get("/", "127.0.0.1:8780"), "open sesame"), 200},
		"a proxy of RFC 7239":                {Options{Loopback: true}, by(get("/", "127.0.0.1:8780"), "Forwarded", "for=192.0.2.1"), 403},
		"a proxy that names its client":      {Options{Loopback: true}, by(get("/", "127.0.0.1:8780"), "X-Forwarded-For", "192.0.2.1"), 403},
		"a proxy that names the scheme":      {Options{Loopback: true}, by(get("/", "127.0.0.1:8780"), "x-forwarded-proto", "https"), 403},
		"a proxy that names nothing in it":   {Options{Loopback: true}, by(get("/", "127.0.0.1:8780"), "X-Forwarded-Host", ""), 403},
		"a proxy of nginx's customs":         {Options{Loopback: true}, by(get("/", "127.0.0.1:8780"), "X-Real-Ip", "192.0.2.1"), 403},
		"a cache":                            {Options{Loopback: true}, by(get("/api/v1/destinations", "localhost"), "Via", "1.1 cache"), 403},
		"a proxy, with the token":            {Options{Token: token}, by(bearer(get("/", "ops"), "open sesame"), "Forwarded", "for=192.0.2.1"), 200},
		"a proxy beside us, with token":      {Options{Loopback: true, Token: token}, bearer(get("/", "ops.example"), "open sesame"), 200},
		"open, no token configured":          {Options{}, get("/", "127.0.0.1:8780"), 403},
		"open, none offered":                 {Options{Token: token}, get("/api/v1/destinations", "consumer"), 401},
		"open, a wrong one":                  {Options{Token: token}, bearer(get("/", "consumer"), "open"), 401},
		"open, the right one":                {Options{Token: token}, bearer(get("/", "consumer"), "open sesame"), 200},
		"open, as password":                  {Options{Token: token}, basic(get("/", "consumer"), "open sesame"), 200},
		"open, the token's file is not read": {Options{Token: broken}, bearer(get("/", "consumer"), ""), 403},
	} {
		c.options.Reader = &shown{status: []any{}}
		if code, body := ask(t, Handler(c.options), c.request); code != c.want {
			t.Errorf("%s: %d, want %d: %s", name, code, c.want, body)
		}
	}
}

func TestDestinationsAreJSONAndThePageShowsThem(t *testing.T) {
	reader := &shown{status: []map[string]any{{
		"destination": "newsletter", "name": "News <b>", "state": "suspended", "reason": "key", "next": "put a valid key",
		"listed": 12, "profile_cap": 100, "oldest_unapplied_seconds": 90.4, "dead_letters": map[string]int{"no_email": 3},
	}}}
	handler := Handler(Options{Reader: reader, Loopback: true, Version: "1.2.3"})
	code, body := ask(t, handler, get("/api/v1/destinations", "localhost"))
	var answer struct {
		Destinations []struct{ Destination string }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 200 || len(answer.Destinations) != 1 {
		t.Errorf("%d %v: %s", code, err, body)
	}
	code, body = ask(t, handler, get("/", "localhost"))
	for _, want := range []string{"newsletter", "News &lt;b&gt;", "suspended (key)", "put a valid key", "of 100", "1m30s", "no_email 3", "1.2.3"} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("page (%d) lacks %q", code, want)
		}
	}
	reader.err = errors.New("the ledger can't be read")
	if code, body := ask(t, handler, get("/", "localhost")); code != 500 || !strings.Contains(body, "can&#39;t be read") {
		t.Errorf("page with an error: %d %s", code, body)
	}
}

func TestWhatIsNotOfNowIsGreyedAndWhatIsNotKnownIsNotShown(t *testing.T) {
	since := "2026-11-30T08:00:00Z"
	reader := &shown{trouble: "the broker cannot be reached", status: []map[string]any{
		{"destination": "old", "state": "running", "listed": 12, "as_of": since, "trouble": "asked in vain"},
		{"destination": "new", "state": "unknown", "listed": 0, "profile_cap": 70, "trouble": "not reached yet"},
		{"destination": "ill", "state": "running", "listed": 34, "failing": "500", "failing_since": since, "held": 0, "held_removals": 7},
	}}
	handler := Handler(Options{Reader: reader, Loopback: true})
	_, body := ask(t, handler, get("/", "localhost"))
	_, body, _ = strings.Cut(body, "<body>")
	rows := strings.Split(body, "<tr")
	for destination, want := range map[string][]string{
		"old": {`class="stale"`, "as of 2026-11-30 08:00:00Z", ">12<", "asked in vain"},
		"new": {`class="now"`, "not reached yet", "the figures are not known", "of 70", `class="unknown"`},
		"ill": {`class="now"`, `class="failing"`, "takes nothing since 2026-11-30 08:00:00Z", ">34<", ">7<"},
	} {
		at := slices.IndexFunc(rows, func(row string) bool { return strings.Contains(row, "<strong>"+destination+"</strong>") })
		for _, text := range want {
			if at < 0 || !strings.Contains(rows[at], text) {
				t.Errorf("the row of %s lacks %q: %s", destination, text, body)
			}
		}
	}
	if !strings.Contains(rows[0], `class="banner" role="alert">the broker cannot be reached`) {
		t.Errorf("there is no banner: %s", rows[0])
	}
	if _, body := ask(t, handler, get("/api/v1/destinations", "localhost")); !strings.Contains(body, `"trouble": "the broker cannot be reached"`) {
		t.Errorf("the API has no trouble: %s", body)
	}
}

func TestPersonsAreNamedInBodiesOnly(t *testing.T) {
	reader := &shown{}
	handler := Handler(Options{Reader: reader, Loopback: true})
	post := func(path, body string) *http.Request {
		request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		request.Host = "localhost"
		return request
	}
	code, body := ask(t, handler, post("/api/v1/destinations/newsletter/explain", `{"person":"ada@example.com"}`))
	if code != 200 || reader.asked != `newsletter explain {"person":"ada@example.com"}` || !strings.Contains(body, "listed") {
		t.Errorf("%d, asked %q: %s", code, reader.asked, body)
	}
	for path, want := range map[string]int{
		"/api/v1/destinations/newsletter/explain/ada@example.com": 404,
		"/api/v1/destinations/newsletter/pause":                   404,
	} {
		if code, _ := ask(t, handler, post(path, "{}")); code != want {
			t.Errorf("%s: %d, want %d (I12)", path, code, want)
		}
	}
	if code, _ := ask(t, handler, get("/api/v1/destinations/newsletter/explain", "localhost")); code != 405 {
		t.Errorf("GET of a person's reader: %d", code)
	}
	if code, _ := ask(t, handler, post("/api/v1/destinations/newsletter/explain", "{")); code != 400 {
		t.Errorf("truncated JSON: %d", code)
	}
	if code, _ := ask(t, handler, post("/api/v1/destinations/newsletter/explain", `"`+strings.Repeat("x", maxBody)+`"`)); code != 413 {
		t.Errorf("a huge body: %d", code)
	}
	reader.err = coded(404)
	if code, _ := ask(t, handler, post("/api/v1/destinations/other/explain", "{}")); code != 404 {
		t.Errorf("an error with a status of its own: %d", code)
	}
}

func TestTheServerListensAndStops(t *testing.T) {
	server, err := Listen(t.Context(), "127.0.0.1:0", Options{Reader: &shown{status: []any{}}})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + server.Addr() + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "No destination") {
		t.Errorf("%d %v %s", answer.StatusCode, err, body)
	}
	if _, err := Listen(t.Context(), server.Addr(), Options{}); err == nil || !strings.Contains(err.Error(), "http.listen") {
		t.Errorf("a port that is taken: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := server.Stop(ctx); err != nil {
		t.Error(err)
	}
}
