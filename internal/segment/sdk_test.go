package segment_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/binding/format"
	"github.com/cloudevents/sdk-go/v2/binding/spec"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/go-cmp/cmp"

	"rollcall/internal/segment"
)

// onTheWire is a NATS message as CloudEvents' protocol binding for NATS lays it out: headers ce-<attribute>
// and content-type in binary mode, content-type alone in structured mode. It is the SDK's other side.
type onTheWire struct {
	header map[string][]string
	body   []byte
}

var specs = spec.WithPrefix("ce-")

func (m *onTheWire) set(name, value string) {
	if m.header == nil {
		m.header = map[string][]string{}
	}
	m.header[name] = []string{value}
}

// SetStructuredEvent writes structured mode.
func (m *onTheWire) SetStructuredEvent(_ context.Context, f format.Format, body io.Reader) (err error) {
	m.set("content-type", f.MediaType())
	m.body, err = io.ReadAll(body)
	return err
}

// Start, SetAttribute, SetExtension, SetData and End write binary mode.
func (m *onTheWire) Start(context.Context) error { return nil }

func (m *onTheWire) SetAttribute(attribute spec.Attribute, value any) error {
	name := "ce-" + attribute.Name()
	if attribute.Kind() == spec.DataContentType {
		name = "content-type"
	}
	return m.SetExtension(name, value)
}

func (m *onTheWire) SetExtension(name string, value any) error {
	if value == nil {
		return nil
	}
	text := fmt.Sprint(value)
	if at, ok := value.(time.Time); ok {
		text = at.Format(time.RFC3339Nano)
	}
	m.set(name, text)
	return nil
}

func (m *onTheWire) SetData(data io.Reader) (err error) {
	m.body, err = io.ReadAll(data)
	return err
}

func (m *onTheWire) End(context.Context) error { return nil }

// ReadEncoding and the two below let the SDK read what we wrote.
func (m *onTheWire) ReadEncoding() binding.Encoding {
	if len(m.header["ce-specversion"]) > 0 {
		return binding.EncodingBinary
	}
	return binding.EncodingStructured
}

func (m *onTheWire) ReadStructured(ctx context.Context, w binding.StructuredWriter) error {
	return w.SetStructuredEvent(ctx, format.JSON, bytes.NewReader(m.body))
}

func (m *onTheWire) ReadBinary(context.Context, binding.BinaryWriter) error {
	return binding.ErrNotBinary // we never write it
}

// published is the sample's event as the SDK makes it.
func published(t *testing.T) *event.Event {
	t.Helper()
	e := event.New()
	e.SetID("5f0c")
	e.SetSource("/segmentation/eu-1")
	e.SetType(segment.TypeMembership)
	e.SetTime(time.Date(2026, 11, 23, 13, 0, 0, 123e6, time.UTC))
	e.SetExtension("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	err := e.SetData(event.ApplicationJSON, map[string]any{
		"segment_id": "high-value", "profile_id": "c0ffee", "change": "entered", "attributes": map[string]any{"email": "ada@example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &e
}

func TestWeReadWhatTheCloudEventsSDKPublishesInBothModes(t *testing.T) {
	for name, force := range map[string]func(context.Context) context.Context{"structured": binding.WithForceStructured, "binary": binding.WithForceBinary} {
		t.Run(name, func(t *testing.T) {
			m := &onTheWire{}
			mode, err := binding.Write(force(t.Context()), binding.ToMessage(published(t)), m, m)
			if err != nil || mode.String() != name {
				t.Fatalf("the SDK wrote %s: %v", mode, err)
			}
			var d segment.Decoder
			ev, problem := d.Decode("segments.membership.high-value.c0ffee", m.header, m.body)
			if problem != nil {
				t.Fatalf("%+v\n%v\n%s", problem, m.header, m.body)
			}
			got := []string{string(ev.ID), string(ev.Source), string(ev.Segment), string(ev.Profile), ev.Change.String(), string(ev.Attributes)}
			if diff := cmp.Diff([]string{"5f0c", "/segmentation/eu-1", "high-value", "c0ffee", "entered", `{"email":"ada@example.com"}`}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheCloudEventsSDKReadsWhatWePublish(t *testing.T) {
	e := segment.Envelope{ID: "5f0c", Source: "/segmentation/eu-1", Time: time.Date(2026, 11, 23, 13, 0, 0, 123e6, time.UTC)}
	for kind, c := range map[string]struct {
		body []byte
		data string
	}{
		segment.TypeMembership: {
			segment.AppendMembership(nil, e, "high-value", "c0\"ffee", segment.Entered, []byte(`{"email":"ada@example.com"}`)),
			`{"segment_id":"high-value","profile_id":"c0\"ffee","change":"entered","attributes":{"email":"ada@example.com"}}`,
		},
		segment.TypeRefreshed: {segment.AppendRefreshed(nil, e, "high-value", 18446744073709551615, 3), `{"segment_id":"high-value","first_sequence":18446744073709551615,"count":3}`},
		segment.TypeErased:    {segment.AppendErased(nil, e, "c0ffee", []string{"ada@example.com"}), `{"profile_id":"c0ffee","emails":["ada@example.com"]}`},
	} {
		t.Run(kind, func(t *testing.T) {
			m := &onTheWire{body: c.body}
			m.set("content-type", "application/cloudevents+json")
			read, err := binding.ToEvent(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			if err := read.Validate(); err != nil {
				t.Error(err)
			}
			got := []string{read.ID(), read.Source(), read.Type(), read.SpecVersion(), read.Time().Format(time.RFC3339Nano), read.DataContentType(), string(read.Data())}
			want := []string{e.ID, e.Source, kind, "1.0", "2026-11-23T13:00:00.123Z", "application/json", c.data}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if specs.Version(read.SpecVersion()) == nil {
				t.Errorf("the SDK does not know version %s", read.SpecVersion())
			}
		})
	}
}
