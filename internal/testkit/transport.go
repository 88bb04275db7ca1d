package testkit

import (
	"net/http"
	"net/http/httptest"
)

// Transport answers requests by calling a handler on the caller's goroutine: no socket, no listener. That makes it usable inside a
// testing/synctest bubble, where a real loopback server sits in an I/O wait that freezes the bubble's clock.
//
// A request whose context has ended gets the context's error, before the handler is called or after it returned, as a client over
// a socket would.
type Transport struct {
	Handler http.Handler
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		defer request.Body.Close()
	}
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	served := request.Clone(request.Context())
	served.RequestURI = request.URL.RequestURI()
	if served.Body == nil {
		served.Body = http.NoBody // a server's handler never sees a nil body
	}
	served.RemoteAddr = "127.0.0.1:1" // simulator and web serve loopback without a token
	if served.Host == "" {
		served.Host = request.URL.Host
	}
	t.Handler.ServeHTTP(recorder, served)
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	response := recorder.Result()
	response.Request = request
	return response, nil
}
