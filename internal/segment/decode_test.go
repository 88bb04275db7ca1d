package segment

import (
	"fmt"
	"strings"
	"testing"
)

// membershipOf is a membership event with the given members of data beside the sample's.
func membershipOf(data string) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"1","source":"s","type":%q,"data":{"segment_id":"a","profile_id":"p"%s}}`, TypeMembership, data)
}

func TestABodyAboveTheLimitIsTooLargeAndOneAtItIsRead(t *testing.T) {
	body := membershipOf(`,"change":"entered","attributes":{"email":"a@b","x":""}`)
	body = []byte(strings.Replace(string(body), `"x":""`, `"x":"`+strings.Repeat("y", MaxBody-len(body))+`"`, 1))
	var d Decoder
	if _, p := d.Decode("", nil, body); len(body) != MaxBody || p != nil {
		t.Errorf("%d bytes: %+v", len(body), p)
	}
	ev, p := d.Decode("", nil, append(body, ' '))
	if p == nil || p.Reason != ReasonTooLarge || p.Fold || ev.Kind != Unknown {
		t.Errorf("one byte more: %+v", p)
	}
	if _, p := d.Decode("", nil, []byte(strings.Repeat("x", 100<<10))); p == nil || p.Reason != ReasonTooLarge || p.Detail != "the body has 102400 bytes, more than 65536" {
		t.Errorf("100 KiB: %+v", p)
	}
}

func TestWhatIsNotJSONIsUnreadable(t *testing.T) {
	good := string(membershipOf(`,"change":"exited"`))
	for name, body := range map[string]string{
		"empty": "", "white space": " ", "truncated": good[:60], "a trailing comma": strings.Replace(good, `"exited"`, `"exited",`, 1),
		"text": "hello", "null": "null", "a number": "1", "an array": "[" + good + "]", "two events": good + good, "a byte order mark": "\ufeff" + good,
		"no UTF-8": strings.Replace(good, `"p"`, "\"\xff\"", 1), "a raw control character": strings.Replace(good, `"p"`, "\"p\x01\"", 1),
		"a bad escape": strings.Replace(good, `"p"`, `"\x"`, 1), "nested too deep": strings.Replace(good, `"exited"`, `"exited","x":`+strings.Repeat("[", 1001)+strings.Repeat("]", 1001), 1),
		"another version": strings.Replace(good, "1.0", "1.1", 1), "a version that is a number": strings.Replace(good, `"1.0"`, "1.0", 1),
		"data_base64": strings.Replace(good, `"data":`, `"data_base64":"e30=","data":`, 1),
	} {
		var d Decoder
		if ev, p := d.Decode("", nil, []byte(body)); p == nil || p.Reason != ReasonUnreadable || p.Fold || ev.Profile != nil {
			t.Errorf("%s: %+v, %+v", name, ev, p)
		}
	}
}

// H6: whatever is wrong with its fields, a membership counts where segment, profile and change can be read.
func TestAMembershipWithBadAttributesIsFoldedAllTheSame(t *testing.T) {
	for data, fold := range map[string]bool{
		`,"change":"entered"`: true, `,"change":"entered","attributes":null`: true, `,"change":"entered","attributes":[]`: true,
		`,"change":"exited","attributes":"x"`: true, `,"change":"entered","attributes":1`: true,
		`,"change":"moved","attributes":{}`: false, `,"attributes":{}`: false, `,"change":null`: false,
	} {
		var d Decoder
		ev, p := d.Decode("segments.membership.a.p", nil, membershipOf(data))
		if p == nil || p.Reason != ReasonSchema || p.Fold != fold {
			t.Errorf("%s: %+v", data, p)
		}
		if string(ev.Segment) != "a" || string(ev.Profile) != "p" || ev.Attributes != nil {
			t.Errorf("%s: read as %+v", data, ev)
		}
	}
}

func TestAttributesThatCarryNoneAreNone(t *testing.T) {
	for data, want := range map[string]string{
		`,"change":"exited"`: "", `,"change":"exited","attributes":null`: "", `,"change":"exited","attributes":{}`: "{}", `,"change":"entered","attributes":{ }`: "{ }",
	} {
		var d Decoder
		if ev, p := d.Decode("", nil, membershipOf(data)); p != nil || string(ev.Attributes) != want {
			t.Errorf("%s: %q, %+v", data, ev.Attributes, p)
		}
	}
}

func TestWhatIsReadStaysReadWhereTheRestIsNot(t *testing.T) {
	var d Decoder
	body := strings.Replace(string(membershipOf(`,"change":"exited"`)), `"id":"1"`, `"id":""`, 1)
	if ev, p := d.Decode("", nil, []byte(body)); p == nil || string(ev.Segment) != "a" || string(ev.Profile) != "p" {
		t.Errorf("without an id: %+v, %+v", ev, p) // it counts as seen for a refresh
	}
	if ev, p := d.Decode("", nil, membershipOf(`,"change":"exited","profile_id":7`)); p == nil || ev.Profile != nil {
		t.Errorf("a key that stands twice counts as it stands last: %+v, %+v", ev, p)
	}
	if ev, _ := d.Decode("", nil, sample); string(ev.Profile) != "c0ffee" {
		t.Errorf("the next event is read as %+v", ev)
	}
}

func TestSubjectsHaveToAgreeWithTheirEvent(t *testing.T) {
	const long = "ada@example.com"
	hashed := string(ProfileKey(nil, []byte(long)))
	refreshed := AppendRefreshed(nil, Envelope{ID: "1", Source: "s"}, "a", 7, 0)
	erased := AppendErased(nil, Envelope{ID: "1", Source: "s"}, long, nil)
	keyed := AppendMembership(nil, Envelope{ID: "1", Source: "s"}, "a", long, Exited, nil)
	plain := membershipOf(`,"change":"exited"`)
	for _, c := range []struct {
		subject string
		body    []byte
		agrees  bool
	}{
		{"segments.membership.a.p", plain, true},
		{"segments.membership.a", plain, true},
		{"somewhere.else", plain, true}, // the stream's mapping is not ours to judge
		{"segments.membership.b.p", plain, false},
		{"segments.membership.b", plain, false},
		{"segments.membership.a.q", plain, false},
		{"segments.membership.a.p.q", plain, false},
		{"segments.membership.a.", plain, false},
		{"segments.membership.a." + string(ProfileKey(nil, []byte("p.")))[:33], plain, false},
		{"segments.erased.p", plain, false},
		{"segments.refreshed.a.1", plain, false},
		{"segments.membership.a." + hashed, keyed, true},
		{"segments.membership.a." + long, keyed, false},
		{"segments.refreshed.a.7", refreshed, true},
		{"segments.refreshed.a.8", refreshed, false},
		{"segments.refreshed.a.07", refreshed, false},
		{"segments.refreshed.b.7", refreshed, false},
		{"segments.refreshed.a", refreshed, false},
		{"segments.erased." + hashed, erased, true},
		{"segments.erased.p", erased, false},
	} {
		var d Decoder
		_, p := d.Decode(c.subject, nil, c.body)
		if c.agrees && p != nil || !c.agrees && (p == nil || p.Reason != ReasonSubjectMismatch || p.Fold) {
			t.Errorf("%s: %+v", c.subject, p)
		}
	}
}

// I12: a detail names fields, never what stands in them.
func TestDetailsNameFieldsAndNoValue(t *testing.T) {
	const secret = "Ada.Lovelace@example.com"
	for _, body := range []string{
		strings.Replace(string(sample), "c0ffee", strings.Repeat(secret, 20), 1),
		strings.Replace(string(sample), "high-value", secret, 1),
		strings.Replace(string(sample), `"entered"`, `"`+secret+`"`, 1),
		strings.Replace(string(sample), TypeMembership, secret, 1),
		strings.Replace(string(sample), "c0ffee", secret, 1),
		strings.Replace(string(sample), `"1.0"`, `"`+secret+`"`, 1),
	} {
		var d Decoder
		if _, p := d.Decode(sampleSubject, nil, []byte(body)); p == nil || strings.Contains(p.Detail, "Ada") || p.Detail == "" {
			t.Errorf("%+v", p)
		}
	}
}
