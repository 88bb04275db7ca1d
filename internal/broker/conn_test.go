package broker_test

import (
	"testing"
	"time"

	"rollcall/internal/testkit"
)

func TestCloseDrainsAtOnce(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	c := testkit.Connect(t, testkit.StartBroker(t))
	t.Log(time.Since(begun))
	begun = time.Now()
	c.Close()
	t.Log(time.Since(begun))
	if took := time.Since(begun); took > time.Second {
		t.Fatalf("closing took %s", took)
	}
}
