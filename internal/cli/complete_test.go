package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A flag's values are offered without a broker: a shell waits for nothing.
func TestFlagsAreCompletedWithTheirValues(t *testing.T) {
	t.Parallel()
	s := newSystem(t, setting{})
	path := filepath.Join(s.dir, "rollcall.yaml")
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	second := text[strings.Index(text, "  - id: newsletter"):]
	second = strings.Replace(second, "- id: newsletter", "- id: winback", 1)
	second = strings.Replace(strings.Replace(second, s.list, s.sim.AddList("", "winback"), 1), "high-value", "lapsed", 1)
	if err := os.WriteFile(path, []byte(text+"\n"+second), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string][]string{
		"receipts newsletter --kind":            {"job", "replay", "refresh", "erasure"},
		"dead-letters list newsletter --reason": letterReasons(nil),
		"dead-letters retry --reason":           letterReasons(nil),
		"replay newsletter --segment":           {"high-value", "newsletter-optin"},
		"replay winback --segment":              {"lapsed", "newsletter-optin"},
		"replay --segment":                      {"high-value", "lapsed", "newsletter-optin"},
		"replay nowhere --segment":              nil,
	} {
		out := s.must(append(append([]string{"__complete"}, strings.Fields(line)...), "")...)
		var got []string
		for value := range strings.SplitSeq(out, "\n") {
			if value == "" || strings.HasPrefix(value, ":") {
				break
			}
			got = append(got, value)
		}
		if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(out, ":4") { // 4: no files
			t.Errorf("%s: (-want +got)\n%s%s", line, diff, out)
		}
	}
}
