// Package conformance holds the tests that the client and the simulator agree with SendGrid: one suite that
// runs against the simulator under every switch, and against a real account on request; every request of the
// client and every answer of the simulator against SendGrid's own OpenAPI documents, with the deviations that
// reality forces listed one by one; and the simulator under SendGrid's own Go library.
//
// Against a real account it needs all of these, and then says what it will do before it does it:
//
//	ROLLCALL_CONFORMANCE_LIVE=yes SENDGRID_API_KEY=… ROLLCALL_CONFORMANCE_LIST=LIST-ID \
//	    go test -v -count=1 -timeout 30m -run TestSuiteLive ./internal/sendgrid/conformance
//
// There it makes a few contacts under example.com, and touches those alone. It exports nothing.
package conformance
