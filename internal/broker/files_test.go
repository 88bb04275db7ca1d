package broker

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

func TestAFileThatIdentifiesUsIsNamedWhenItCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty, marked := filepath.Join(dir, "empty"), filepath.Join(dir, "marked")
	for path, text := range map[string]string{empty: "\n", marked: "\xef\xbb\xbfseed"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	none := filepath.Join(dir, "none")
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{CredsFile: none}, "read nats.creds_file: there is no file " + none},
		{Options{NKeyFile: none}, "read nats.nkey_file: there is no file " + none},
		{Options{TLS: TLS{CAFile: none}}, "read nats.tls.ca_file: there is no file " + none},
		{Options{TLS: TLS{CertFile: empty, KeyFile: none}}, "read nats.tls.cert_file: " + empty + " is empty"},
		{Options{CredsFile: empty}, "read nats.creds_file: " + empty + " is empty"},
		{Options{CredsFile: dir}, "read nats.creds_file: "},
		{Options{NKeyFile: marked}, "read nats.nkey_file: " + marked + " begins with a byte order mark"},
	} {
		c.o.URL = "nats://127.0.0.1:1"
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		_, err := Connect(ctx, c.o, zap.NewNop())
		cancel()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
