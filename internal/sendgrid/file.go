package sendgrid

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"rollcall/internal/sendgrid/class"
)

// file is a download: unpacked where it was packed.
type file struct {
	io.Reader
	body io.Closer
}

func (f *file) Close() error { return f.body.Close() }

// fetch downloads what a signed address names, without the key: it lies elsewhere (rule 10).
func (a *Account) fetch(ctx context.Context, route Route, target string) (_ *file, err error) {
	began := time.Now()
	defer func() { a.observe(route, err, began) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil || req.URL.Host == "" {
		return nil, &Error{Class: Malformed, Route: route, Message: "the file's address is none"}
	}
	res, err := a.http.Do(req)
	if err != nil {
		return nil, &Error{Class: NoConnection, Route: route, Message: transportMessage(err, false), cause: err}
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, &Error{Class: class.OfStatus(res.StatusCode), Status: res.StatusCode, Route: route, Message: "the file cannot be fetched: has its address expired?"}
	}
	unpacked, err := unpack(res.Body)
	if err != nil {
		_ = res.Body.Close()
		return nil, &Error{Class: Ambiguous, Status: res.StatusCode, Route: route, Message: "the file was cut short", cause: err}
	}
	return &file{unpacked, res.Body}, nil
}

// unpack reads gzip by its first bytes, because the transport may have unpacked it before.
func unpack(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(head) < 2 || head[0] != 0x1f || head[1] != 0x8b {
		return b, nil
	}
	return gzip.NewReader(b)
}
