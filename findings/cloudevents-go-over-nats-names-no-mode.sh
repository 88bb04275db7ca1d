#!/usr/bin/env bash
# Versions: github.com/cloudevents/sdk-go v2.16.2 (protocol/nats/v2, protocol/nats_jetstream/v2), nats.go v1.55.0, nats-server v2.15.2
# Behaviour: the CloudEvents SDK for Go over NATS. A structured event arrives without any header, so that nothing says that it is
#   one (CloudEvents' NATS binding has the header content-type for that). The core NATS sender has no binary mode: asked for it, it
#   sends structured. Data given as []byte, also JSON under application/json, arrives as data_base64 in structured mode and as it is
#   in binary mode.
# Output seen:
#   nats, asked for structured, data of object: 0 headers, body datacontenttype id source specversion type + data
#   nats, asked for structured, data of []byte: 0 headers, body datacontenttype id source specversion type + data_base64
#   nats, asked for binary, data of object: 0 headers, body datacontenttype id source specversion type + data
#   nats, asked for binary, data of []byte: 0 headers, body datacontenttype id source specversion type + data_base64
#   nats_jetstream, asked for structured, data of object: 0 headers, body datacontenttype id source specversion type + data
#   nats_jetstream, asked for structured, data of []byte: 0 headers, body datacontenttype id source specversion type + data_base64
#   nats_jetstream, asked for binary, data of object: 5 headers, body a
#   nats_jetstream, asked for binary, data of []byte: 5 headers, body a
# The script installs the modules in a temporary folder, runs them, and fails if a line is another one.
set -euo pipefail
expected=$(sed -n 's/^#   \(nats\(_jetstream\)*, .*\)/\1/p' "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	cenats "github.com/cloudevents/sdk-go/protocol/nats/v2"
	cejs "github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
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

func event(data any) binding.Message {
	e := cloudevents.NewEvent()
	e.SetID("1")
	e.SetSource("/here")
	e.SetType("something.happened")
	if err := e.SetData(cloudevents.ApplicationJSON, data); err != nil {
		log.Fatal(err)
	}
	return binding.ToMessage(&e)
}

func keys(body []byte) string {
	var object map[string]any
	if err := json.Unmarshal(body, &object); err != nil {
		log.Fatal(err)
	}
	var plain, data []string
	for key := range object {
		if strings.HasPrefix(key, "data") && key != "datacontenttype" {
			data = append(data, " + "+key)
		} else {
			plain = append(plain, key)
		}
	}
	slices.Sort(plain)
	return strings.Join(plain, " ") + strings.Join(data, "")
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
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	nc := must(nats.Connect(broker.ClientURL()))
	defer nc.Close()
	js := must(jetstream.New(nc))
	must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))
	sub := must(nc.SubscribeSync("s.>"))
	core := must(cenats.NewSender(broker.ClientURL(), "s.core", nil))
	stream := must(cejs.NewSender(broker.ClientURL(), "S", "s.stream", nil, nil))
	for _, name := range []string{"nats", "nats_jetstream"} {
		for _, mode := range []string{"structured", "binary"} {
			for _, data := range []any{"b", []byte(`{"a":"b"}`)} {
				c, kind := binding.WithForceStructured(ctx), "[]byte"
				if mode == "binary" {
					c = binding.WithForceBinary(ctx)
				}
				if text, ok := data.(string); ok {
					data, kind = map[string]string{"a": text}, "object"
				}
				send := core.Send
				if name == "nats_jetstream" {
					send = stream.Send
				}
				if err := send(c, event(data)); err != nil {
					log.Fatal(err)
				}
				m := must(sub.NextMsg(5 * time.Second))
				fmt.Printf("%s, asked for %s, data of %s: %d headers, body %s\n", name, mode, kind, len(m.Header), keys(m.Data))
			}
		}
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/cloudevents/sdk-go/v2@v2.16.2 github.com/cloudevents/sdk-go/protocol/nats/v2@v2.16.2 \
  github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2@v2.16.2 github.com/nats-io/nats-server/v2@v2.15.2 \
  github.com/nats-io/nats.go@v1.55.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "CHANGED: this is not what was seen"; exit 1; }
