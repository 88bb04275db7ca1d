package segment

import (
	"fmt"
	"strings"
	"testing"
)

const sampleSubject = "segments.membership.high-value.c0ffee"

// binaryHeader is the sample's envelope in binary mode.
func binaryHeader() map[string][]string {
	return map[string][]string{
		"content-type": {"application/json"}, "ce-specversion": {"1.0"}, "ce-id": {"5f0c"},
		"ce-source": {"/segmentation/eu-1"}, "ce-type": {TypeMembership}, "Nats-Msg-Id": {"/segmentation/eu-1#5f0c"},
	}
}

var sampleData = []byte(`{"segment_id":"high-value","profile_id":"c0ffee","change":"entered","attributes":{"email":"ada@example.com"}}`)

func TestBothModesReadTheSameEvent(t *testing.T) {
	cased := map[string][]string{}
	for name, value := range binaryHeader() {
		cased[strings.ToUpper(name)] = value
	}
	noType := binaryHeader()
	delete(noType, "content-type")
	lying := binaryHeader()
	lying["content-type"] = []string{"Application/CloudEvents+JSON; charset=utf-8"}
	lying["ce-type"], lying["ce-specversion"] = []string{"something.else"}, []string{"0.3"}
	bare := binaryHeader()
	delete(bare, "content-type")
	bare["ce-type"] = []string{"something.else"}
	for name, c := range map[string]struct {
		header map[string][]string
		body   []byte
	}{
		"structured, no header":                    {nil, sample},
		"structured by content type":               {map[string][]string{"Content-Type": {"application/cloudevents+json"}}, sample},
		"structured as application/json":           {map[string][]string{"content-type": {"application/json"}}, sample},
		"structured beats the headers":             {lying, sample},
		"without content type the body beats them": {bare, sample},
		"binary":                                     {binaryHeader(), sampleData},
		"binary, upper case":                         {cased, sampleData},
		"binary, no content type":                    {noType, sampleData},
		"binary, white space around the data":        {binaryHeader(), []byte("\n " + string(sampleData) + "\r\n\t")},
		"a header without values is no header":       {map[string][]string{"ce-specversion": {}, "content-type": nil}, sample},
		"headers that are not of CloudEvents at all": {map[string][]string{"Traceparent": {"00-1"}}, sample},
	} {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			ev, p := d.Decode(sampleSubject, c.header, c.body)
			if p != nil {
				t.Fatalf("%+v", p)
			}
			got := fmt.Sprintf("%d %s %s %s %s %s", ev.Kind, ev.Change, ev.ID, ev.Source, ev.Segment, ev.Profile)
			if want := "1 entered 5f0c /segmentation/eu-1 high-value c0ffee"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if !strings.HasPrefix(string(ev.Attributes), `{"email":"ada@example.com"`) {
				t.Errorf("attributes %s", ev.Attributes)
			}
		})
	}
}

func TestOfHeadersThatDifferInCaseTheLeastCountsEveryTime(t *testing.T) {
	header := binaryHeader()
	header["CE-Type"], header["Ce-type"] = []string{TypeMembership}, []string{"something.else"}
	header["ce-type"] = []string{"another"}
	var d Decoder
	for range 50 {
		if _, p := d.Decode(sampleSubject, header, sampleData); p != nil {
			t.Fatalf("%+v", p)
		}
	}
}

func TestWhatBinaryModeCannotReadIsSetAsideWithItsReason(t *testing.T) {
	change := func(name, value string) map[string][]string {
		h := binaryHeader()
		if h[name] = []string{value}; value == "" {
			delete(h, name)
		}
		return h
	}
	for name, c := range map[string]struct {
		header map[string][]string
		body   string
		want   Reason
	}{
		"another version":          {change("ce-specversion", "0.3"), string(sampleData), ReasonUnreadable},
		"no id":                    {change("ce-id", ""), string(sampleData), ReasonSchema},
		"no source":                {change("ce-source", ""), string(sampleData), ReasonSchema},
		"no type":                  {change("ce-type", ""), string(sampleData), ReasonSchema},
		"unknown type":             {change("ce-type", "a.b"), string(sampleData), ReasonUnknownType},
		"quoted type":              {change("ce-type", `"`+TypeMembership+`"`), string(sampleData), ReasonUnknownType},
		"truncated":                {binaryHeader(), string(sampleData[:50]), ReasonUnreadable},
		"no object":                {binaryHeader(), `[]`, ReasonUnreadable},
		"empty":                    {binaryHeader(), ``, ReasonSchema},
		"truncated, no type given": {change("content-type", ""), string(sampleData[:50]), ReasonUnreadable},
		"a batch":                  {map[string][]string{"content-type": {"application/CloudEvents-batch+json"}}, "[]", ReasonUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			if _, p := d.Decode(sampleSubject, c.header, []byte(c.body)); p == nil || p.Reason != c.want || p.Fold {
				t.Errorf("got %+v, want %s", p, c.want)
			}
		})
	}
}

func TestDecodingAGoodEventAllocatesNothing(t *testing.T) {
	escaped := []byte(strings.NewReplacer(`"c0ffee"`, `"c0\u0066fee"`, `"id"`, `"\u0069d"`).Replace(string(sample)))
	exited := []byte(strings.NewReplacer(`entered`, `exited`).Replace(string(sample)))
	for name, c := range map[string]struct {
		subject string
		header  map[string][]string
		body    []byte
	}{
		"structured":                  {sampleSubject, nil, sample},
		"structured, with headers":    {sampleSubject, map[string][]string{"Content-Type": {"application/cloudevents+json"}, "Nats-Msg-Id": {"a#b"}}, sample},
		"escapes":                     {sampleSubject, nil, escaped},
		"exited":                      {sampleSubject, nil, exited},
		"unkeyed":                     {"segments.membership.high-value", nil, sample},
		"binary":                      {sampleSubject, binaryHeader(), sampleData},
		"erased":                      {"segments.erased.c0ffee", nil, AppendErased(nil, Envelope{ID: "1", Source: "s"}, "c0ffee", nil)},
		"a profile whose key is hash": {string(ProfileKey([]byte("segments.erased."), []byte("c0@ffee"))), nil, AppendErased(nil, Envelope{ID: "1", Source: "s"}, "c0@ffee", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			n := testing.AllocsPerRun(100, func() {
				if _, p := d.Decode(c.subject, c.header, c.body); p != nil {
					t.Fatalf("%+v", p)
				}
			})
			if n > 0 {
				t.Errorf("%v allocations an event", n)
			}
		})
	}
}
