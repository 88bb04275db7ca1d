package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"rollcall/internal/testkit"
)

// I12: what a command was asked about stands in no line of the replica that did not do it, and its answer has no address and no
// profile's key that the broker put there.
func TestACommandThatIsNotDoneNamesNobody(t *testing.T) {
	const asked = `{"who":"ops@desk","args":{"person":"p-1815","lovelace":1}}`
	var out bytes.Buffer
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.Lock(zapcore.AddSync(&out)), zap.DebugLevel))
	conn := testkit.Connect(t, testkit.StartBroker(t))
	failing := errors.New(`no profile P-1815 ("lovelace"): publish to rollcall.dead.d.p-1816 for ada@example.com refused`)
	service, err := Serve(conn.NC, Options{Destination: "newsletter", Log: log}, &recorder{err: failing})
	if err != nil {
		t.Fatal(err)
	}
	var request Request
	if err := json.Unmarshal([]byte(asked), &request); err != nil {
		t.Fatal(err)
	}
	told := Call(soon(t), conn.NC, "newsletter", Explain, request, nil)
	if told == nil {
		t.Fatal("it is done")
	}
	testkit.Unnamed(t, []byte(told.Error()), "p-1816", "ada@example.com")
	if _, err := conn.NC.RequestWithContext(soon(t), Subject("newsletter", Explain), []byte(`{"grace@example.com":"hopper"}`)); err != nil {
		t.Fatal(err)
	}
	if err := service.Stop(); err != nil { // from here on nobody writes lines
		t.Fatal(err)
	}
	if lines := bytes.Count(out.Bytes(), []byte("a command was not done")); lines != 2 {
		t.Errorf("%d lines tell of two commands: %s", lines, out.String())
	}
	testkit.Unnamed(t, out.Bytes(), "p-1815", "p-1816", "lovelace", "ada@example.com", "grace@example.com", "hopper", "ops@desk")
}
