package publish

import (
	"testing"

	"go.uber.org/goleak"

	"rollcall/internal/testkit"
)

// A broker that is stopped with half a batch in it leaves that batch's staging store open: its goroutines are the server's.
func TestMain(m *testing.M) {
	const server = "github.com/nats-io/nats-server/v2/server"
	testkit.Main(m,
		goleak.IgnoreTopFunction(server+".(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreTopFunction(server+".(*msgBlock).flushLoop"),
		goleak.IgnoreTopFunction(server+"/ats.Register.func1"))
}
