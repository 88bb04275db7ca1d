package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/ask"
)

// streams is how the streams of the ledger are read.
type streams struct {
	js   jetstream.JetStream
	gets bool // by get requests alone
}

// item is a message of a stream.
type item struct {
	seq    uint64
	header nats.Header
	body   []byte
}

// prefix is that of the JetStream API, with its final dot; empty is the connection's own.
func (s *streams) prefix() string {
	o := s.js.Options()
	switch {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API."
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "."
	}
	return ""
}

// byGets visits the messages of a subject by get requests, up to the stream's end as it is when the reading begins.
func (s *streams) byGets(ctx context.Context, stream, subject string, r reading, visit func(item) error) error {
	look, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	found, err := ask.Until(look, func(ctx context.Context) (jetstream.Stream, error) { return s.js.Stream(ctx, stream) })
	if err != nil {
		return fmt.Errorf("read stream %s: %w", stream, err)
	}
	info := found.CachedInfo()
	g := ask.Gets{
		NC: s.js.Conn(), Prefix: s.prefix(), Stream: stream, Subject: subject,
		From: r.from, To: info.State.LastSeq, Direct: info.Config.AllowDirect,
	}
	return g.Each(ctx, func(got *ask.Got) error {
		return visit(item{seq: got.Sequence, header: got.Header, body: got.Data})
	})
}

// names lists the objects of a bucket by get requests: the last message of each object's subject describes it.
func (s *objectStore) names(ctx context.Context, prefix string) ([]string, error) {
	latest := map[string]bool{}
	err := s.byGets(ctx, s.streamName(), "$O."+s.bucket+".M.*", reading{from: 1}, func(i item) error {
		var info jetstream.ObjectInfo
		if err := json.Unmarshal(i.body, &info); err != nil {
			return fmt.Errorf("read the description of an object of %s: %w", s.bucket, err)
		}
		latest[info.Name] = !info.Deleted
		return nil
	})
	var names []string
	for name, there := range latest {
		if there && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, err
}
