package broker

import (
	"strings"
	"time"
)

// delivery is what the broker tells of one delivered message, in the subject that acknowledges it.
type delivery struct {
	stream   uint64 // sequence in the stream
	consumer uint64 // sequence in the consumer; without a gap as long as nobody else draws from it
	stored   int64  // broker time, Unix nanoseconds
	pending  uint64 // messages of our filters after this one
}

func (d delivery) time() time.Time { return time.Unix(0, d.stored).UTC() }

// parseReply reads the subject
//
//	$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
//
// or its second form, which has a domain and an account before the stream. It allocates nothing: it runs
// once for each event.
func parseReply(subject string) (d delivery, ok bool) {
	rest, found := strings.CutPrefix(subject, "$JS.ACK.")
	if !found {
		return d, false
	}
	skip := 3 // stream, consumer, delivered
	if dots := strings.Count(rest, "."); dots > 6 {
		skip = 5
	} else if dots < 6 {
		return d, false
	}
	for ; skip > 0; skip-- {
		rest = rest[strings.IndexByte(rest, '.')+1:]
	}
	var fields [4]uint64
	for i := range fields {
		n := 0
		for ; n < len(rest) && rest[n] != '.'; n++ {
			digit := rest[n] - '0'
			if digit > 9 {
				return d, false
			}
			fields[i] = fields[i]*10 + uint64(digit)
		}
		if n == 0 {
			return d, false
		}
		if rest = rest[n:]; rest != "" {
			rest = rest[1:]
		}
	}
	return delivery{stream: fields[0], consumer: fields[1], stored: int64(fields[2]), pending: fields[3]}, true
}
