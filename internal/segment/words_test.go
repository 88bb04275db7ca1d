package segment

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func drawProfile(t *rapid.T) string {
	return rapid.StringMatching(`[A-Za-z0-9_~.@ é😀-]{1,70}`).Draw(t, "profile")
}

// What is written is read back, whatever stands in it, and on the subject that is made for it.
func TestWhatIsEncodedIsDecodedTheSame(t *testing.T) {
	var d Decoder
	rapid.Check(t, func(t *rapid.T) {
		e := Envelope{
			ID: rapid.StringN(1, 20, -1).Draw(t, "id"), Source: rapid.StringN(1, 20, -1).Draw(t, "source"),
			Time: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "time"), 0),
		}
		name, profile := rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`).Draw(t, "segment"), drawProfile(t)
		change := rapid.SampledFrom([]Change{Entered, Exited}).Draw(t, "change")
		first, count := rapid.Uint64().Draw(t, "first"), rapid.Uint64().Draw(t, "count")
		emails := rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "emails")
		var body []byte
		same := func(subject string) Event {
			if !json.Valid(body) {
				t.Fatalf("no JSON: %s", body)
			}
			ev, p := d.Decode(subject, nil, body)
			if p != nil || string(ev.ID) != e.ID || string(ev.Source) != e.Source {
				t.Fatalf("%s: %+v, %+v", body, ev, p)
			}
			return ev
		}
		body = AppendMembership(nil, e, name, profile, change, []byte(`{"email":"a@b"}`))
		for _, keyed := range []bool{true, false} {
			ev := same(MembershipSubject(keyed, name, profile))
			if ev.Kind != Membership || string(ev.Segment) != name || string(ev.Profile) != profile || ev.Change != change || string(ev.Attributes) != `{"email":"a@b"}` {
				t.Fatalf("%+v", ev)
			}
		}
		body = AppendRefreshed(nil, e, name, first, count)
		if ev := same(RefreshedSubject(name, first)); ev.Kind != Refreshed || string(ev.Segment) != name || ev.FirstSequence != first || ev.Count != count {
			t.Fatalf("%+v", ev)
		}
		body = AppendErased(nil, e, profile, emails)
		ev := same(ErasedSubject(profile))
		if ev.Kind != Erased || string(ev.Profile) != profile || len(ev.Emails) != len(emails) {
			t.Fatalf("%+v", ev)
		}
		for i, email := range emails {
			if string(ev.Emails[i]) != email {
				t.Fatalf("e-mail %d is %q, want %q", i, ev.Emails[i], email)
			}
		}
	})
}

func TestAnEventWithoutATimeOrAttributesLeavesThemOut(t *testing.T) {
	got := string(AppendMembership(nil, Envelope{ID: "1", Source: "s"}, "a", "p", Exited, nil))
	want := `{"specversion":"1.0","id":"1","source":"s","type":"rollcall.membership.changed.v1","datacontenttype":"application/json","data":{"segment_id":"a","profile_id":"p","change":"exited"}}`
	if got != want {
		t.Errorf("got %s", got)
	}
	if Change(0).String() != "" {
		t.Error("no change has a name")
	}
}

// H27: nobody can be named like another's hash, and no two share a key.
func TestNoTwoProfilesShareASubjectKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawProfile(t), drawProfile(t)
		if rapid.Bool().Draw(t, "named like the other's key") {
			b = string(ProfileKey(nil, []byte(a)))
		}
		keyA, keyB := string(ProfileKey(nil, []byte(a))), string(ProfileKey([]byte("x."), []byte(b)))
		if (a == b) != ("x."+keyA == keyB) {
			t.Fatalf("%q has key %q, %q has key %q", a, keyA, b, keyB)
		}
		if ValidToken([]byte(keyA)) != (keyA == a) || strings.ContainsAny(keyA, ". *>\t") || len(keyA) > 64 {
			t.Fatalf("key %q of %q", keyA, a)
		}
	})
	// The contract's form: ~ and the first 32 hex digits of the SHA-256, known from elsewhere.
	if got := string(ProfileKey(nil, []byte("ada@home/1"))); got != "~f971efb87c3d8ae17d3d8befd9471811" {
		t.Errorf("got %s", got)
	}
	for id, valid := range map[string]bool{"": false, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, "a.b": false, "A-z_09": true, "é": false} {
		if ValidToken([]byte(id)) != valid {
			t.Errorf("token %q: valid is not %v", id, valid)
		}
	}
}

func TestSubjectsThatAreNotOursAreUnknown(t *testing.T) {
	for _, subject := range []string{"", "segments", "segments.membership", "segments.other.a", "rollcall.ledger.a", "xsegments.erased.p"} {
		if s := ParseSubject(subject); s != (Subject{}) {
			t.Errorf("%q is read as %+v", subject, s)
		}
	}
}

// isJSON is the standard library's word, but for what we refuse on purpose.
func isJSON(raw []byte) bool { return json.Valid(raw) && bytes.TrimLeft(raw, " \t\r\n")[0] == '{' }

func FuzzScanningIsTheStandardLibrarys(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,-0.5e+3,true,false,null,"\u00e9\n"],"b":{"c":[]}}`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":tru}`, `{"a" 1}`, `{"a":1,}`, `{,}`, `{"\ud83d\ude00":"\ud800x\udc00"}`, `{"a":"` + "\x01" + `"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !utf8.Valid(raw) || bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) > 900 {
			return // judged before, and a limit of ours
		}
		members := map[string]string{}
		var order []string
		err := ScanObject(raw, func(key, value []byte) {
			name, _ := Unquote(nil, key)
			members[string(name)] = string(value)
			order = append(order, string(name))
			if IsNumber(value) != (value[0] == '-' || '0' <= value[0] && value[0] <= '9') {
				t.Errorf("number: %q", value)
			}
		})
		if (err == nil) != isJSON(raw) {
			t.Fatalf("%q: %v", raw, err)
		}
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if len(want) != len(members) {
			t.Fatalf("members %v, want %v", order, want)
		}
		for name, value := range want {
			if members[name] != string(value) {
				t.Errorf("%q is %q, want %q", name, members[name], value)
			}
			var text string
			if value[0] == '"' && json.Unmarshal(value, &text) == nil {
				if got, _ := Unquote([]byte("before"), []byte(members[name])); string(got) != text {
					t.Errorf("%s reads as %q, want %q", value, got, text)
				}
			}
		}
	})
}

func TestQuotedTextIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		if rapid.Bool().Draw(t, "as text") {
			raw = []byte(rapid.String().Draw(t, "text"))
		}
		quoted := AppendQuoted(nil, raw)
		var want string
		if err := json.Unmarshal(quoted, &want); err != nil {
			t.Fatalf("%q: %v", quoted, err)
		}
		got, _ := Unquote(nil, quoted)
		if string(got) != want || utf8.Valid(raw) && want != string(raw) {
			t.Fatalf("%q: got %q, want %q", raw, got, want)
		}
	})
}
