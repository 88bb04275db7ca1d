package integration

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The broker's image keeps what it acknowledged in a file store: the ground that every other test here stands on.
func TestTheBrokerImageServesJetStream(t *testing.T) {
	connection, err := nats.Connect(newStack(t).broker())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	js, err := jetstream.New(connection)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "PROBE", Subjects: []string{"probe"}, AllowAtomicPublish: true}); err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(t.Context(), "probe", []byte("x"))
	if err != nil || ack.Sequence != 1 {
		t.Fatalf("publish: sequence %v, %v", ack, err)
	}
}
