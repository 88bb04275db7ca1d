package app

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/internal/testkit"
	"rollcall/schemas"
)

// asked posts a reader's request to a replica and returns the status and the body.
func (r *replica) asked(t *testing.T, path, body string) (int, string) {
	t.Helper()
	url := "http://" + r.HTTPAddr() + "/api/v1/destinations/" + path
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// shows asks a reader and holds the answer against the schema of what the command prints.
func (r *replica) shows(t *testing.T, path, body, schema string) map[string]any {
	t.Helper()
	status, text := r.asked(t, path, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", path, body, status, text)
	}
	testkit.Unnamed(t, []byte(text), "lovelace", "nobody")
	answer, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if schema != "" {
		compiled, err := jsonschema.NewCompiler().Compile("../../schemas/output/consumer-" + schema + ".schema.json")
		if err == nil {
			err = compiled.Validate(answer)
		}
		if err != nil {
			t.Errorf("%s is not what its schema says: %v\n%s", path, err, text)
		}
	}
	return answer.(map[string]any)
}

// rested is a ground whose destination d0 has a contact, a dead letter and receipts, and a replica that is up without being
// active: it may not claim the ledger, whose list is another than its file's.
func rested(t *testing.T) *replica {
	t.Helper()
	g := newGround(t, "d0")
	a := g.start("a", g.file(nil, "d0"))
	g.enter("lovelace")
	g.say("segments.membership.s.nobody", "membership.changed", `{"segment_id":"s","profile_id":"nobody","change":"entered","attributes":{"city":"X"}}`)
	eventually(t, "one is listed, the other set aside", func() bool {
		st, _ := a.Stats("d0")
		return st.Listed == 1 && st.Dirty() == 0 && st.Cursor == 2
	})
	a.stop(t)
	b := g.start("b", g.file(func(text string) string {
		return strings.Replace(text, g.lists["d0"], "00000000-0000-4000-8000-00000000ffff", 1)
	}, "d0"))
	eventually(t, "nobody is active", func() bool { st, _ := b.Stats("d0"); return st.Suspended == "target_changed" })
	return b
}

// I12: what a dashboard may read of dead letters, receipts and the ledger names nobody, and needs nobody to be active.
func TestStoredRecordsAreReadOverHTTPWithConsumersUpAndNoneActive(t *testing.T) {
	t.Parallel()
	r := rested(t)
	all := r.shows(t, "d0/dead-letters", "", "dead-letters-list")
	if letters := all["letters"].([]any); len(letters) != 1 || letters[0].(map[string]any)["reason"] != "no_email" {
		t.Errorf("dead letters: %v", all)
	}
	for body, want := range map[string]int{
		`{"reason":"no_email"}`: 1, `{"reason":"bad_value"}`: 0, `{"since":"1h"}`: 1, `{"since":"2999-01-01T00:00:00Z"}`: 0,
		`{"profile":"nobody"}`: 1, `{"profile":"lovelace"}`: 0, `{"sequence":2}`: 1, `{"sequence":1}`: 0, `{"limit":1}`: 1,
	} {
		if got := len(r.shows(t, "d0/dead-letters", body, "dead-letters-list")["letters"].([]any)); got != want {
			t.Errorf("dead letters by %s: %d, want %d", body, got, want)
		}
	}
	receipt, err := schemas.Compile(schemas.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]int{
		`{}`: 1, `{"kind":"job"}`: 1, `{"kind":"erasure"}`: 0, `{"since":"1h","limit":5}`: 1, `{"since":"2999-01-01T00:00:00Z"}`: 0,
	} {
		receipts := r.shows(t, "d0/receipts", body, "")["receipts"].([]any)
		if len(receipts) != want {
			t.Errorf("receipts by %s: %d, want %d", body, len(receipts), want)
		}
		for _, one := range receipts {
			if err := receipt.Validate(one); err != nil {
				t.Errorf("a receipt: %v", err)
			}
		}
	}
	if l := r.shows(t, "d0/ledger", "{}", "ledger-commands"); l["listed"].(json.Number).String() != "1" || l["cursor"].(json.Number).String() != "2" {
		t.Errorf("the ledger: %v", l)
	}
}

func TestStoredReadersRefuseWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	r := rested(t)
	for _, c := range []struct {
		path, body string
		want       int
		says       string
	}{
		{"d1/dead-letters", "{}", http.StatusNotFound, "no destination d1"},
		{"d1/receipts", "{}", http.StatusNotFound, "no destination d1"},
		{"d1/ledger", "{}", http.StatusNotFound, "no destination d1"},
		{"d0/dead-letters", `{"reveal":true}`, http.StatusBadRequest, "reveal"}, // I12: bodies name persons
		{"d0/dead-letters", `{"reason":"sunshine"}`, http.StatusBadRequest, "no_email"},
		{"d0/dead-letters", `{"since":"soon"}`, http.StatusBadRequest, "RFC 3339"},
		{"d0/dead-letters", `{"limit":-1}`, http.StatusBadRequest, "limit"},
		{"d0/dead-letters", `{"sequence":"x"}`, http.StatusBadRequest, "sequence"},
		{"d0/receipts", `{"kind":"party"}`, http.StatusBadRequest, "erasure"},
		{"d0/receipts", `{"limit":1001}`, http.StatusBadRequest, "1000"}, // I11
		{"d0/receipts", `{"batch":1}`, http.StatusBadRequest, "batch"},
		{"d0/receipts", `[]`, http.StatusBadRequest, "arguments"},
		{"d0/ledger", `{"digest":true}`, http.StatusBadRequest, "digest"}, // the loop would stand still for it
	} {
		status, text := r.asked(t, c.path, c.body)
		if status != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s %s: %d %s, want %d with %q", c.path, c.body, status, text, c.want, c.says)
		}
	}
}

func TestTheLedgerIsToldByTheActiveReplicaWhereThereIsOne(t *testing.T) {
	t.Parallel()
	g := newGround(t, "d0")
	a := g.start("a", g.file(nil, "d0"))
	standby := g.start("b", g.file(func(text string) string { return strings.Replace(text, "revision: 1", "revision: 0", 1) }, "d0"))
	eventually(t, "one is active", func() bool { return a.active() == 1 })
	g.enter("lovelace")
	eventually(t, "the standby tells what the active replica has folded", func() bool {
		return standby.shows(t, "d0/ledger", "", "ledger-commands")["cursor"].(json.Number).String() == "1"
	})
	if status, text := standby.asked(t, "d0/receipts", ""); status != http.StatusOK || !strings.Contains(text, `"receipts"`) {
		t.Errorf("receipts from a standby: %d %s", status, text)
	}
}
