package testkit

import (
	"bytes"
	"net/url"
	"testing"
)

// Unnamed fails when output (a log, an exposition, an error, a URL) names one of the planted values, plain or escaped for a
// URL (I12).
func Unnamed(t testing.TB, output []byte, planted ...string) {
	t.Helper()
	folded := bytes.ToLower(output)
	for _, value := range planted {
		for _, form := range []string{value, url.QueryEscape(value), url.PathEscape(value)} {
			if at := bytes.Index(folded, bytes.ToLower([]byte(form))); at >= 0 {
				t.Errorf("the output names a planted value of %d bytes at offset %d (I12)", len(value), at)
				break
			}
		}
	}
}
