#!/usr/bin/env bash
# Versions: nats-server v2.15.2, github.com/nats-io/nats.go v1.55.0
# Behaviour: a key-value bucket has markers for keys that expire (LimitMarkerTTL). A key is created with a TTL of its own that is
#   shorter than the marker's. With a history of 1 the key ends after its own TTL; with a history of 5 in the same bucket it lives as
#   long as the marker: the server raises the TTL of a message to the marker's unless the stream keeps one message a subject. Neither
#   the put nor its acknowledgement says so. Who uses such keys as leases waits that much longer for a dead holder.
# Output seen:
#   history 1: a key with a TTL of 2 s after 6 s: nats: key not found
#   history 5: a key with a TTL of 2 s after 6 s: still there
# The script installs the modules in a temporary folder, runs them, and fails if either line is another one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func main() {
	store := must(os.MkdirTemp("", "js"))
	defer os.RemoveAll(store)
	broker := must(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: store, NoSigs: true}))
	broker.Start()
	defer broker.Shutdown()
	if !broker.ReadyForConnections(10 * time.Second) {
		log.Fatal("the broker does not start")
	}
	nc := must(nats.Connect(broker.ClientURL()))
	defer nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	js := must(jetstream.New(nc))
	for _, history := range []uint8{1, 5} {
		kv := must(js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: fmt.Sprint("LEASES", history), History: history, LimitMarkerTTL: time.Minute,
		}))
		must(kv.Create(ctx, "lease", []byte("mine"), jetstream.KeyTTL(2*time.Second)))
		time.Sleep(6 * time.Second)
		state := "still there"
		if _, err := kv.Get(ctx, "lease"); err != nil {
			state = err.Error()
		}
		fmt.Printf("history %d: a key with a TTL of 2 s after 6 s: %s\n", history, state)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/nats.go@v1.55.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
expected='history 1: a key with a TTL of 2 s after 6 s: nats: key not found
history 5: a key with a TTL of 2 s after 6 s: still there'
[ "$seen" = "$expected" ] || { echo "CHANGED: this is not what was seen"; exit 1; }
