package sendgrid_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"rollcall/internal/sendgrid"
)

// H1: what the kernel still holds of a request when its deadline has passed never arrives. A network that was cut for two minutes
// and healed delivered such an upsert behind the horizon, and a departed contact was back on the list (found by `make integration`).
func TestAnUnsentRequestDoesNotArriveAfterItsDeadline(t *testing.T) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := listener.Accept(); err == nil {
			accepted <- c
		}
	}()
	a := client(t, sendgrid.Options{BaseURL: "http://" + listener.Addr().String()})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	body := bytes.Repeat([]byte("x"), 12<<10) // more than the other side takes before it reads, less than our own kernel takes
	if _, err := a.Upsert(ctx, body); err == nil {
		t.Fatal("a request that nobody read was answered")
	}
	conn := <-accepted // the network heals: what comes is read to its end
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	came, err := io.ReadAll(conn)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes of the request arrived after its deadline, to its end (%v)", len(came), err)
	}
}
