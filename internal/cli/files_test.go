package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that is not there is told with its key and path; the advice to start the broker, or to look at base_url, would mislead.
func TestCheckNamesTheFileThatIsMissing(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	file := "accounts: [{id: acme, base_url: 'http://127.0.0.1:1', api_key_file: " + none + "}]\n" +
		"destinations: [{id: news, name: News, owner: crm, account: acme, list_id: l, segments: [s], profile_cap: 0}]\n"
	for _, c := range []struct{ text, want, never string }{
		{"nats: {url: 'nats://127.0.0.1:1', creds_file: " + none + "}\n" + file, "read nats.creds_file: there is no file " + none, "start the broker"},
		{"nats: {url: 'nats://127.0.0.1:1', nkey_file: " + none + "}\n" + file, "read nats.nkey_file: there is no file " + none, "start the broker"},
		{"nats: {embedded: {store_dir: " + t.TempDir() + ", listen: '127.0.0.1:1'}}\n" + file, "from " + none + ": there is no such file", "is base_url right"},
	} {
		var out, errs bytes.Buffer
		env := &Env{Stdout: &out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }}
		path := filepath.Join(t.TempDir(), "rollcall.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		status := Main(t.Context(), env, Consumer(env), []string{"check", "--config", path})
		if status != 3 || !strings.Contains(out.String(), c.want) || strings.Contains(out.String(), c.never) {
			t.Errorf("status %d, want %q and no %q\n%s%s", status, c.want, c.never, &out, &errs)
		}
	}
}
