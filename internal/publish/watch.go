package publish

import (
	"context"
	"errors"
	"sync"
	"time"

	"rollcall/internal/broker"
)

// watch tells those who wait for answers that none can come any more: the connection was made anew, or the user may not publish. The
// broker says neither where the answer is awaited.
type watch struct {
	conn   *broker.Conn
	denied func() bool

	mu      sync.Mutex
	current context.Context // of the connection as it is
	end     context.CancelFunc

	stop    context.CancelFunc
	watcher sync.WaitGroup
}

func newWatch(conn *broker.Conn, denied func() bool) *watch {
	w := &watch{conn: conn, denied: denied}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.current, w.end = context.WithCancel(ctx)
	w.watcher.Go(func() { w.run(ctx) })
	return w
}

func (w *watch) run(ctx context.Context) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for connection := w.conn.Reconnects(); ; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		now := w.conn.Reconnects()
		if now == connection && !w.denied() {
			continue
		}
		connection = now
		w.mu.Lock()
		w.end()
		w.current, w.end = context.WithCancel(ctx) //nolint:fatcontext // made from the same parent each time
		w.mu.Unlock()
	}
}

// connection is a context that ends with the present connection. Ask before sending.
func (w *watch) connection() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current
}

func (w *watch) close() {
	w.stop()
	w.watcher.Wait()
}

// while bounds a wait for an answer by a connection and a time.
func while(parent, connection context.Context, patience time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(parent, patience)
	release := context.AfterFunc(connection, cancel)
	return ctx, func() { release(); cancel() }
}

var errConnectionLost = errors.New("the connection to the broker was lost before the answer came")
