//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"rollcall/integration/history"
	"rollcall/internal/demo/audit"
)

// account asks the simulator what SendGrid would be asked by hand: it shares no code with Rollcall's client.
type account struct {
	w    *world
	base string
}

func (w *world) sendgrid() account {
	return account{w, "http://" + w.running["simulator"].ports["8781"]}
}

// call sends one request and reads a 2xx answer; another is an error.
func (a account) call(method, path string, body any, read func(io.Reader) error) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(a.w.t.Context(), method, a.base+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+simulatorKey)
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 30 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	if read == nil {
		return nil
	}
	return read(answer.Body)
}

func one(out any) func(io.Reader) error {
	return func(body io.Reader) error { return json.NewDecoder(body).Decode(out) }
}

// lines reads one JSON value a line.
func lines[T any](take func(T)) func(io.Reader) error {
	return func(body io.Reader) error {
		for decoder := json.NewDecoder(body); ; {
			var v T
			if err := decoder.Decode(&v); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			take(v)
		}
	}
}

// makeList makes a list and gives its id.
func (a account) makeList(name string) string {
	a.w.t.Helper()
	var made struct{ ID string }
	must(a.w.t, a.call(http.MethodPost, "/v3/marketing/lists", map[string]string{"name": name}, one(&made)))
	return made.ID
}

// summary is the simulator's own numbers.
type summary struct {
	Requests map[string]int `json:"requests"`
	Answers  map[string]int `json:"answers"`
	Held     int            `json:"held"`   // requests that a fault holds back
	Struck   map[string]int `json:"struck"` // requests and jobs, by the kind of fault
	Now      time.Time      `json:"now"`
}

func (a account) summary() (s summary) {
	a.w.t.Helper()
	must(a.w.t, a.call(http.MethodGet, "/simulator/v1/state", nil, one(&s)))
	return s
}

// requests are all that it served so far.
func (a account) requests() (n int) {
	for _, of := range a.summary().Requests {
		n += of
	}
	return n
}

// faults replaces the plan of what fails.
func (a account) faults(plan ...map[string]any) {
	a.w.t.Helper()
	if plan == nil {
		plan = []map[string]any{}
	}
	must(a.w.t, a.call(http.MethodPost, "/simulator/v1/faults", map[string]any{"faults": plan}, nil))
}

// changes are the list's, with the real time of each.
func (a account) changes() (out []history.Change, err error) {
	var s summary
	if err := a.call(http.MethodGet, "/simulator/v1/state", nil, one(&s)); err != nil {
		return nil, err
	}
	asked := time.Now()
	err = a.call(http.MethodGet, "/simulator/v1/history?list="+a.w.list, nil, lines(func(c history.Change) {
		c.At = asked.Add(-s.Now.Sub(c.At) / clockScale)
		out = append(out, c)
	}))
	return out, err
}

func (a account) contacts() (out []audit.Contact, err error) {
	err = a.call(http.MethodGet, "/simulator/v1/contacts?list="+a.w.list, nil, lines(func(c audit.Contact) { out = append(out, c) }))
	return out, err
}
