package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"go.uber.org/zap"

	"rollcall/internal/config"
	"rollcall/internal/testkit"
)

// I12: whatever the broker, SendGrid or the operating system says, what we print of it names nobody.
func TestNoLineAndNoErrorOfACommandNamesAPerson(t *testing.T) {
	broker := errors.New(`nats: permissions violation for publish to "segments.erased.p-1815"`)
	system := &fs.PathError{Op: "open", Path: "people/ada@example.com/context.json", Err: fs.ErrPermission}
	err := fmt.Errorf("purge: %w", errors.Join(broker, system))
	for _, format := range []string{"text", "json", "auto"} {
		var out bytes.Buffer
		log, failed := newLog(config.Log{Level: "debug", Format: format}, &out)
		if failed != nil {
			t.Fatal(failed)
		}
		log.Named("x").With(zap.String("subject", "rollcall.dead.d.p-1815")).Warn("of ada@example.com", zap.Error(err))
		if !bytes.Contains(out.Bytes(), []byte("permission")) {
			t.Errorf("%s: the line says nothing: %s", format, out.String())
		}
		testkit.Unnamed(t, out.Bytes(), "p-1815", "ada@example.com")
	}
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		env := &Env{Stderr: &out, json: asJSON}
		if status := env.report("consumer", err, true); status != int(Failed) || !bytes.Contains(out.Bytes(), []byte("permission")) {
			t.Errorf("status %d: %s", status, out.String())
		}
		testkit.Unnamed(t, out.Bytes(), "p-1815", "ada@example.com")
	}
}
