package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/internal/segment"
	"rollcall/schemas"
)

// bad is an event that can't be used, from its stream to its dead letter.
type bad struct {
	name, subject, body string
	reason              segment.Reason
	detail              string // what the letter says is wrong, and where
}

func badEvents(t *testing.T) []bad {
	t.Helper()
	profile := func(attributes string) string {
		return string(segment.AppendMembership(nil, segment.Envelope{ID: "1", Source: "/test"}, "a", "bad", segment.Entered, []byte(attributes)))
	}
	const subject = "segments.membership.a.bad"
	good := profile(ada(9))
	events := []bad{
		{"an event of 100 KiB", subject, profile(`{"x":"` + strings.Repeat("x", 100<<10) + `"}`), segment.ReasonTooLarge, "bytes, more than 65536"},
		{"truncated JSON", subject, good[:len(good)-20], segment.ReasonUnreadable, "the body is cut off: its JSON ends too early, behind byte"},
		{"an unknown type", subject, strings.Replace(good, segment.TypeMembership, "rollcall.other.v1", 1), segment.ReasonUnknownType, "the type is none that this build knows"},
		{"a subject against its data", subject, strings.Replace(good, `"bad"`, `"other"`, 1), segment.ReasonSubjectMismatch, "the subject's profile key is not that of data.profile_id"},
		{"a profile without an e-mail", subject, profile(`{"country":"GB"}`), segment.ReasonNoEmail, "email is absent"},
		{"an invalid e-mail", subject, profile(`{"email":"ada.example.com"}`), segment.ReasonInvalidEmail, "email is no valid e-mail: it has no at sign"},
		{"a wrong type in a mapped attribute", subject, profile(`{"email":"ada9@example.com","country":["GB"]}`), segment.ReasonBadValue, "a value does not fit: country is an array, no text"},
		{"entered without attributes", subject, strings.Replace(good, `"attributes"`, `"attribute"`, 1), segment.ReasonSchema, "data.attributes is missing on entered"},
	}
	examples, err := schemas.Events()
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range examples {
		if example.Reason == "" {
			continue
		}
		// The examples' segment is one of the destination's here.
		swap := strings.NewReplacer("high-value", "a", "newsletter", "b")
		events = append(events, bad{
			name: "example " + example.File, subject: swap.Replace(example.Subject), body: swap.Replace(string(example.Body)), reason: segment.Reason(example.Reason),
		})
	}
	return events
}

// Each becomes one dead letter with its reason, holding the event's own bytes; it delays nobody, and no contact
// is made of it (I8, I1). What its fields alone make unusable is folded all the same (H6).
func TestEveryKindOfBadEventIsOneDeadLetterAndDelaysNobody(t *testing.T) {
	for _, event := range badEvents(t) {
		t.Run(event.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				d, stop := w.run(w.options())
				w.publish("a", "before", "entered", ada(1))
				sequence := w.put(event.subject, []byte(event.body))
				w.publish("a", "after", "entered", ada(2))
				time.Sleep(2 * time.Minute)
				if diff := cmp.Diff(emails(1, 2), w.list()); diff != "" {
					t.Errorf("listed (-want +got):\n%s", diff)
				}
				if st := d.Stats(); st.Cursor != w.last {
					t.Errorf("the cursor is %d of %d", st.Cursor, w.last)
				}
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				if len(w.seen().letters) != 1 {
					t.Fatalf("%d letters: %+v", len(w.seen().letters), w.seen().letters)
				}
				letter := w.seen().letters[0]
				if letter.Reason != string(event.reason) || letter.Sequence != sequence || letter.Subject != event.subject || string(letter.Body) != event.body || letter.Destination != "d" {
					t.Errorf("letter %s of %d on %s, want %s of %d", letter.Reason, letter.Sequence, letter.Subject, event.reason, sequence)
				}
				if !strings.Contains(letter.Detail, event.detail) || letter.Detail == "" || strings.Contains(letter.Detail, "@") {
					t.Errorf("detail %q, want %q", letter.Detail, event.detail)
				}
				// The subject names the profile also where the event can't: an erasure finds the letter.
				if event.subject == "segments.membership.a.bad" && letter.ProfileKey != "bad" {
					t.Errorf("the letter's key is %q", letter.ProfileKey)
				}
			})
		})
	}
}

// H6: whoever's event has bad fields is a member all the same, and leaves with the next exit.
func TestWhoHasBadFieldsIsAMemberAndLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, stop := w.run(w.options())
		w.publish("a", "p1", "entered", ada(1))
		time.Sleep(2 * time.Minute)
		w.publish("a", "p1", "exited", fmt.Sprintf(`{"email":"ada1@example.com","country":%q}`, strings.Repeat("G", 80)))
		time.Sleep(5 * time.Minute)
		if got := w.list(); len(got) != 0 {
			t.Errorf("still listed: %v", got)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if len(w.seen().letters) != 0 {
			t.Errorf("an exit that leaves the profile in no segment makes no letter for its fields: %+v", w.seen().letters)
		}
	})
}

// What a destination publishes about its work is what the receipt's schema says, for everything that it does.
func TestReceiptsAreThoseOfTheSchema(t *testing.T) {
	schema, err := schemas.Compile(schemas.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.Name, o.Owner = "Newsletter", "crm-team"
		w.refuse["ada3@example.com"] = true
		_, stop := w.run(o)
		for i := 1; i <= 3; i++ {
			w.publish("a", fmt.Sprintf("p%d", i), "entered", ada(i))
		}
		time.Sleep(2 * time.Minute)
		w.publish("a", "p1", "exited", "")
		time.Sleep(5 * time.Minute)
		w.refresh("a", 1, 3)
		time.Sleep(2 * time.Minute)
		w.erase("p2", "ada2@example.com")
		time.Sleep(10 * time.Minute)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for _, receipt := range w.seen().receipts {
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(receipt)))
			if err == nil {
				err = schema.Validate(value)
			}
			if err != nil {
				t.Errorf("%s\n%v", receipt, err)
			}
			var read struct{ Kind, Operation string }
			if err := json.Unmarshal([]byte(receipt), &read); err != nil {
				t.Error(err)
			}
			kinds[strings.TrimSpace(read.Kind+" "+read.Operation)]++
			if strings.Contains(receipt, "ada") || strings.Contains(receipt, `"p2"`) {
				t.Errorf("a receipt names somebody: %s", receipt)
			}
		}
		for _, kind := range []string{"job upsert", "job remove", "refresh"} {
			if kinds[kind] == 0 {
				t.Errorf("no receipt of kind %s among %v", kind, kinds)
			}
		}
	})
}
