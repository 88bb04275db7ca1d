package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
)

// exchange is one request with its whole body, and the answer to it. An answer is written once the
// simulator's lock is free, so that a slow client holds nobody up.
type exchange struct {
	*http.Request
	body  []byte
	whole bool // the body was within the limit

	status  int
	header  http.Header
	content []byte
}

// receive reads a request's body up to a limit.
func receive(r *http.Request, limit int) (*exchange, error) {
	x := &exchange{Request: r, status: http.StatusOK, header: http.Header{}}
	if r.Body == nil {
		x.whole = true
		return x, nil
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(min(r.ContentLength, int64(limit))) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(r.Body, int64(limit)+1))
	x.body, x.whole = b.Bytes(), n <= int64(limit)
	return x, err
}

// decode reads the body as JSON.
func (x *exchange) decode(into any) bool { return x.whole && json.Unmarshal(x.body, into) == nil }

func (x *exchange) json(status int, body any) {
	x.status = status
	x.header.Set("Content-Type", "application/json")
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // maps, texts and numbers always encode
	x.content = b.Bytes()
}

func (x *exchange) text(status int, kind, body string) {
	x.status, x.content = status, []byte(body)
	x.header.Set("Content-Type", kind)
}

// fail answers with the usual envelope; the shapes differ by route, so that some answer in others.
func (x *exchange) fail(status int, errs ...problem) {
	x.json(status, map[string]any{"errors": errs})
}

func (x *exchange) accepted(j *job) { x.json(http.StatusAccepted, map[string]string{"job_id": j.id}) }

// send writes the answer.
func (x *exchange) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), x.header)
	w.WriteHeader(x.status)
	_, _ = w.Write(x.content) // a client that has gone needs no answer
}

// problem is one error as SendGrid writes it.
type problem struct {
	Field   any    `json:"field,omitempty"` // a text, or null
	Message string `json:"message"`
	Help    any    `json:"help,omitempty"`
}

var null = json.RawMessage("null")

func wrong(field, message string) problem { return problem{Field: field, Message: message} }

func said(message string) problem { return problem{Message: message} }

// nobodys is an error that names no field, as gateways write it.
func nobodys(message string) problem { return problem{Field: null, Message: message} }
