package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"rollcall/internal/contact"
	"rollcall/internal/segment"
)

// maxMsgID is how long a Nats-Msg-Id is at most; a longer one is hashed.
const maxMsgID = 200

const (
	msgIDHeader       = "Nats-Msg-Id"
	contentTypeHeader = "Content-Type"
)

// contentType is the header of every event: values are shared, they are never written to.
var contentType = []string{"application/cloudevents+json"}

// encoder makes messages of rows, and refuses rows that the consumer could not read. One goroutine uses it.
type encoder struct {
	source  string
	keyed   bool
	now     func() time.Time
	seed    maphash.Seed
	decoder segment.Decoder
	payload int64 // bytes of a message that the broker takes, headers included; 0 is any number
}

// headerRoom is what the headers of a message take at most, those of a batch included.
const headerRoom = 600

// newEncoder makes one for a stream of the keyed or the unkeyed form.
func newEncoder(source string, keyed bool) *encoder {
	return &encoder{source: source, keyed: keyed, now: time.Now, seed: maphash.MakeSeed()}
}

// event is one message on its way.
type event struct {
	msg     *nats.Msg
	profile uint64 // a hash; 0 is nobody's
}

func (c *encoder) membership(row Row) (event, error) {
	e := c.envelope(row.Time)
	body := make([]byte, 0, 192+len(c.source)+len(row.Profile)+len(row.Segment)+len(row.Attributes))
	body = segment.AppendMembership(body, e, row.Segment, row.Profile, row.Change, row.Attributes)
	if why := segment.NoSegment(row.Segment); why != "" {
		return event{}, &RowError{segment.ReasonSchema, "segment_id " + why}
	}
	return c.event(segment.MembershipSubject(c.keyed, row.Segment, row.Profile), row.Profile, e.ID, body)
}

func (c *encoder) erased(profile string, emails []string) (event, error) {
	for _, email := range emails {
		if _, ok := contact.Normalize(nil, []byte(email)); !ok { // the consumer would pass over it without a word
			return event{}, &RowError{segment.ReasonInvalidEmail, "an address that the erasure names is no valid e-mail"}
		}
	}
	e := c.envelope(time.Time{})
	return c.event(segment.ErasedSubject(profile), profile, e.ID, segment.AppendErased(nil, e, profile, emails))
}

func (c *encoder) refreshed(segmentID string, first, count uint64) (event, error) {
	e := c.envelope(time.Time{})
	return c.event(segment.RefreshedSubject(segmentID, first), "", e.ID, segment.AppendRefreshed(nil, e, segmentID, first, count))
}

// envelope is that of a new publication: its id was never used before.
func (c *encoder) envelope(at time.Time) segment.Envelope {
	if at.IsZero() {
		at = c.now()
	}
	return segment.Envelope{ID: nuid.Next(), Source: c.source, Time: at.Truncate(time.Millisecond)}
}

// event makes the message, having read it as the consumer will.
func (c *encoder) event(subject, profile, id string, body []byte) (event, error) {
	if _, problem := c.decoder.Decode(subject, nil, body); problem != nil {
		return event{}, &RowError{problem.Reason, problem.Detail}
	}
	if c.payload > 0 && int64(len(body)+headerRoom) > c.payload {
		return event{}, &RowError{segment.ReasonTooLarge, fmt.Sprintf(
			"the event has %d bytes and up to %d of headers, more than this broker takes: its max_payload is %d", len(body), headerRoom, c.payload)}
	}
	e := event{msg: &nats.Msg{Subject: subject, Data: body, Header: nats.Header{
		msgIDHeader: []string{c.msgID(id)}, contentTypeHeader: contentType,
	}}}
	if profile != "" {
		e.profile = maphash.String(c.seed, profile)
	}
	return e, nil
}

// renew gives the event a new id: it is another publication now.
func (c *encoder) renew(e event) {
	const before = `{"specversion":"1.0","id":"`
	id := nuid.Next()
	body := bytes.Clone(e.msg.Data) // the connection may still hold the old bytes
	copy(body[len(before):], id)
	e.msg.Data = body
	e.msg.Header[msgIDHeader] = []string{c.msgID(id)}
}

func (c *encoder) msgID(id string) string {
	full := c.source + "#" + id
	if len(full) <= maxMsgID {
		return full
	}
	sum := sha256.Sum256([]byte(full))
	return hex.EncodeToString(sum[:])
}

// validSource reports whether a source can stand in a header and in a message id.
func validSource(source string) bool {
	return source != "" && len(source) <= 1024 && !strings.ContainsFunc(source, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xfffd })
}
