package examples

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// wire stands between a publisher and its broker, and treats acknowledgements as a bad network or a foreign writer
// would.
type wire struct {
	broker string
	lose   int // this acknowledgement gets lost
	claim  int // this one says that the first event of the stream had the same id

	mu    sync.Mutex
	acks  int
	conns []net.Conn
	done  sync.WaitGroup
}

// listen returns the URL by which a publisher gets to the broker. The wire ends with the test.
func (w *wire) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.done.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			w.connect(client)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		for _, c := range w.conns {
			_ = c.Close()
		}
		w.mu.Unlock()
		w.done.Wait()
	})
	return "nats://" + l.Addr().String()
}

func (w *wire) connect(client net.Conn) {
	server, err := net.Dial("tcp", w.broker)
	if err != nil {
		_ = client.Close()
		return
	}
	w.mu.Lock()
	w.conns = append(w.conns, client, server)
	w.mu.Unlock()
	w.done.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	w.done.Go(func() {
		_ = w.answers(client, bufio.NewReader(server))
		_ = client.Close()
	})
}

// answers passes on what the broker says.
func (w *wire) answers(client io.Writer, server *bufio.Reader) error {
	for {
		line, err := server.ReadString('\n')
		if err != nil {
			return err
		}
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "MSG" {
			if _, err := io.WriteString(client, line); err != nil {
				return err
			}
			if len(words) == 0 || words[0] != "HMSG" {
				continue
			}
		}
		size, err := strconv.Atoi(words[len(words)-1])
		if err != nil {
			return errors.New("no size")
		}
		body := make([]byte, size+2)
		if _, err := io.ReadFull(server, body); err != nil {
			return err
		}
		if words[0] == "MSG" {
			body = w.treat(body[:size])
			if body == nil {
				continue
			}
			line = strings.Join(words[:len(words)-1], " ") + fmt.Sprintf(" %d\r\n", len(body))
			body = append([]byte(line), append(body, "\r\n"...)...)
		}
		if _, err := client.Write(body); err != nil {
			return err
		}
	}
}

// treat returns what becomes of a message's body; nil is nothing.
func (w *wire) treat(body []byte) []byte {
	if !bytes.HasPrefix(body, []byte(`{"stream":`)) {
		return body
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acks++
	switch w.acks {
	case w.lose:
		return nil
	case w.claim:
		return []byte(`{"stream":"SEGMENT_EVENTS","seq":1,"duplicate":true}`)
	}
	return body
}
