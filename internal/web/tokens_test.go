package web

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"rollcall/internal/testkit"
)

const tokenLines = `
# who reads, and who may act
plain-token
read:grafana:graph-token
operate:ada:ada:s-token
`

// seen is a fake reader that keeps who asked.
type seen struct{ who Identity }

func (s *seen) Status(ctx context.Context) (Overview, error) {
	s.who = WhoAsks(ctx)
	return Overview{Destinations: []any{}}, nil
}

func (s *seen) Query(ctx context.Context, _, _ string, _ []byte) (any, error) {
	s.who = WhoAsks(ctx)
	return nil, nil
}

func TestATokenSaysWhoAsksAndWhatTheyMay(t *testing.T) {
	reader := &seen{}
	handler := Handler(Options{Reader: reader, Token: func() (string, error) { return tokenLines, nil }})
	for token, want := range map[string]Identity{
		"plain-token": {Role: Read}, "graph-token": {Role: Read, Name: "grafana"}, "ada:s-token": {Role: Operate, Name: "ada"},
	} {
		for _, request := range []*http.Request{
			get("/api/v1/destinations", "ops"), get("/", "ops"),
			func() *http.Request {
				r := get("/api/v1/destinations/d/waiting", "ops")
				r.Method = http.MethodPost
				return r
			}(),
		} {
			reader.who = Identity{}
			request.Header.Set("Authorization", "Bearer "+token)
			if code, body := ask(t, handler, request); code != 200 || reader.who != want {
				t.Errorf("%s: %d, %+v instead of %+v: %s", request.URL.Path, code, reader.who, want, body)
			}
		}
	}
	for _, token := range []string{"", "ada", "operate:ada:ada:s-token", "# who reads, and who may act", "s-token"} {
		request := get("/api/v1/destinations", "ops")
		request.Header.Set("Authorization", "Bearer "+token)
		if code, _ := ask(t, handler, request); code != 401 {
			t.Errorf("what is no token of the file is answered with %d", code)
		}
	}
}

func TestWithoutATokenFileWhoIsOnTheMachineReads(t *testing.T) {
	reader := &seen{who: Identity{Role: Operate}}
	if code, _ := ask(t, Handler(Options{Reader: reader, Loopback: true}), get("/", "localhost")); code != 200 || reader.who != (Identity{Role: Read}) {
		t.Errorf("%d, %+v", code, reader.who)
	}
}

func TestATokenFileThatCannotBeMeantSaysItsLineAndNoToken(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "no token",
		"# only this\n\n":                   "no token",
		"read:a:secret\noperator:b:secret2": "line 2",
		"read:secret":                       "line 1",
		"operate::secret":                   "line 1",
		"operate:a b:secret":                "line 1",
		"read:a:":                           "line 1",
		"read:a:secret\nread:b:secret":      "line 2",
	} {
		tokens, err := ParseTokens(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %d tokens and %v, want an error with %q", text, len(tokens), err, want)
			continue
		}
		testkit.Unnamed(t, []byte(err.Error()), "secret")
	}
}
