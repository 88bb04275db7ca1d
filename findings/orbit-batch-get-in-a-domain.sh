#!/usr/bin/env bash
# Versions: github.com/synadia-io/orbit.go/jetstreamext v0.3.2, github.com/nats-io/nats.go v1.55.0, nats-server v2.15.2
# Behaviour: in a JetStream context with a domain, one direct get works and a batch get finds nobody to answer. The batch get asks
#   on `$JS.<domain>.DIRECT.GET.<stream>`; the server listens on `$JS.<domain>.API.DIRECT.GET.<stream>`.
# Output seen:
#   one direct get: hello
#   batch get: nats: no responders available for request
#   batch get with the API prefix instead: 2 messages
# The script installs the modules in a temporary folder, runs them, and fails if any of the three lines is another one.
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
	"github.com/synadia-io/orbit.go/jetstreamext"
)

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func batch(ctx context.Context, js jetstream.JetStream) string {
	messages, err := jetstreamext.GetBatch(ctx, js, "S", 10)
	if err != nil {
		return err.Error()
	}
	count := 0
	for _, err := range messages {
		if err != nil {
			return err.Error()
		}
		count++
	}
	return fmt.Sprint(count, " messages")
}

func main() {
	store := must(os.MkdirTemp("", "js"))
	defer os.RemoveAll(store)
	broker := must(server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, JetStreamDomain: "hub", StoreDir: store, NoSigs: true,
	}))
	broker.Start()
	defer broker.Shutdown()
	if !broker.ReadyForConnections(10 * time.Second) {
		log.Fatal("the broker does not start")
	}
	nc := must(nats.Connect(broker.ClientURL()))
	defer nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	js := must(jetstream.NewWithDomain(nc, "hub"))
	stream := must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, AllowDirect: true}))
	must(js.Publish(ctx, "s", []byte("hello")))
	must(js.Publish(ctx, "s", []byte("again")))
	one := must(stream.GetMsg(ctx, 1))
	fmt.Println("one direct get:", string(one.Data))
	fmt.Println("batch get:", batch(ctx, js))
	fmt.Println("batch get with the API prefix instead:", batch(ctx, must(jetstream.NewWithAPIPrefix(nc, "$JS.hub.API"))))
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/nats.go@v1.55.0 github.com/synadia-io/orbit.go/jetstreamext@v0.3.2 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
seen=$(go run . )
echo "$seen"
expected='one direct get: hello
batch get: nats: no responders available for request
batch get with the API prefix instead: 2 messages'
[ "$seen" = "$expected" ] || { echo "CHANGED: this is not what was seen"; exit 1; }
