package testkit

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTransportServesInsideABubbleAndHonoursTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			time.Sleep(30 * time.Second)
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write(append(body, r.URL.Path...))
		})}}
		answer, err := client.Post("http://sendgrid/v3/x", "text/plain", strings.NewReader("hi "))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if body, _ := io.ReadAll(answer.Body); string(body) != "hi /v3/x" || answer.StatusCode != http.StatusAccepted {
			t.Errorf("answered %d %q", answer.StatusCode, body)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://sendgrid/", http.NoBody)
		if answer, err := client.Do(request); !errors.Is(err, context.DeadlineExceeded) {
			if err == nil {
				answer.Body.Close()
			}
			t.Errorf("a request past its deadline ended with %v", err)
		}
	})
}

// recorder notes whether a helper failed the test that it was given.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestUnnamedFindsPlantedValuesInEveryForm(t *testing.T) {
	for output, want := range map[string]bool{
		"upsert failed for contact 7f3a":              false,
		"upsert failed for Ada@Example.com":           true,
		"GET /v3/search?email=ada%40example.com: 500": true,
	} {
		r := &recorder{TB: t}
		Unnamed(r, []byte(output), "ada@example.com")
		if r.failed != want {
			t.Errorf("%q: found %v, want %v", output, r.failed, want)
		}
	}
}
