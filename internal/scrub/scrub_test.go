package scrub_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"rollcall/internal/scrub"
	"rollcall/internal/testkit"
)

const (
	address = "ada.lovelace@example.com"
	name    = "Ada Lovelace"
	profile = "p-1815"
)

func TestNobodyIsLeftInATextFromOutside(t *testing.T) {
	for text, want := range map[string]string{
		`nats: permissions violation for publish to "rollcall.dead.newsletter.p-1815"`:                            `nats: permissions violation for publish to "rollcall.dead.newsletter.…"`,
		`Permissions Violation for Publish to "$JS.API.DIRECT.GET.SEGMENT_EVENTS.segments.membership.vip.p-1815"`: `Permissions Violation for Publish to "$JS.API.DIRECT.GET.SEGMENT_EVENTS.segments.membership.vip.…"`,
		`purge segments.erased.~0123abcd: denied`:                                                                 `purge segments.erased.… denied`,
		`subjects segments.membership.*.*, segments.>`:                                                            `subjects segments.membership.*.*, segments.>`,
		`open lists/ada.lovelace@example.com: no file`:                                                            `open …: no file`,
		`"ada lovelace"@example.com is no address`:                                                                `… is no address`,
		`GET /contacts/ada.lovelace%40example.com`:                                                                `GET …`,
		`email 'ada.lovelace@example.com' is not`:                                                                 `email '…' is not`,
		`for <ada.lovelace@example.com>, and b@b.b.`:                                                              `for <…>, and ….`,
		`dial nats://ops:secret@broker-1:4222: refused`:                                                           `dial nats://…@broker-1:4222: refused`,
		`ada.lovelace＠example.com`:                                                                                `…`,
		"two\nlines\x1b[31m":                                                                                      "two\nlines [31m",
		"":                                                                                                        "",
	} {
		got := scrub.Text(text)
		if got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		if again := scrub.Text(got); again != got {
			t.Errorf("%q becomes %q the second time", got, again)
		}
		testkit.Unnamed(t, []byte(got), address, profile, "lovelace", "secret")
	}
}

func TestWhatWasSentIsCutOutOfTheAnswer(t *testing.T) {
	document := []byte(`{"list_ids":["L"],"contacts":[{"email":"` + address + `","first_name":"Ada \"the\" L","city":"Zo\u00eb","x":1}]}`)
	sent := scrub.Values(document, false)
	if want := []string{"L", address, `Ada "the" L`, "Zoë"}; !slices.Equal(sent, want) {
		t.Fatalf("the values are %q, want %q", sent, want)
	}
	known := scrub.Sent(document)
	for text, want := range map[string]string{
		`first_name is too long: Ada "the" L!`:  `first_name is too long: …!`,
		`ZOË is no city, Zoëlle is`:             `… is no city, Zoëlle is`,
		`email 'not an address' is not valid`:   `email '…' is not valid`,
		`'first_name' can't be "Grace Hopper"`:  `'first_name' can't be "…"`,
		"`contacts[3].email` is “Grace Hopper”": "`contacts[3].email` is “…”",
	} {
		if got := known.Answer(text); got != want || known.Answer(got) != got {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if long := known.Answer(string(bytes.Repeat([]byte("ä"), 2000))); len(long) > 1100 {
		t.Errorf("%d bytes of an answer are shown", len(long))
	}
	if keys := scrub.Values([]byte(`{"person":"ada","args":{"a@b.c":`), true); !slices.Equal(keys, []string{"person", "ada", "args", "a@b.c"}) {
		t.Errorf("with the keys: %q", keys)
	}
}

func TestAScrubbedErrorIsStillTheErrorThatItWas(t *testing.T) {
	cause := &fs.PathError{Op: "open", Path: "/data/" + address, Err: fs.ErrNotExist}
	err := scrub.Error(fmt.Errorf("read the file of %s: %w", name, cause), name)
	var path *fs.PathError
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &path) {
		t.Errorf("its cause is lost: %v", err)
	}
	testkit.Unnamed(t, []byte(err.Error()), address, name)
	if plain := errors.New("plain"); scrub.Error(plain) != plain || scrub.Error(nil) != nil { //nolint:errorlint // the very same
		t.Error("an error with nothing to cut is not returned as it is")
	}
}

type person struct{ Email string }

func (p person) String() string { return p.Email }

func (p person) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddString(p.Email, p.Email)
	return nil
}

func TestEveryKindOfFieldOfALogLineIsScrubbed(t *testing.T) {
	for _, encoder := range []zapcore.Encoder{
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
	} {
		var out bytes.Buffer
		key := "rollcall.dead.d." + profile
		log := scrub.Logger(zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&out), zap.DebugLevel)))
		if scrub.Logger(log) != log {
			t.Error("a scrubbing logger is wrapped once more")
		}
		log.With(zap.String("with", address), zap.Namespace("inside")).Named("sub").Info(
			"written to "+address+" on "+key,
			zap.Error(errors.Join(errors.New(address), &net.DNSError{Err: key, Name: address})),
			zap.NamedError("cause", fmt.Errorf("%w", errors.New(key))), zap.Strings("all", []string{address, key}),
			zap.Stringer("stringer", person{address}), zap.Any("any", map[string]any{address: []any{address, 1, nil}}),
			zap.Any("struct", person{address}), zap.Object("object", person{address}), zap.Inline(person{address}),
			zap.ByteString("bytes", []byte(address)), zap.Binary("binary", []byte(address)), zap.Reflect("reflect", &person{address}),
			zap.Errors("errors", []error{errors.New(address)}), zap.Int("count", 7), zap.Stringer("none", (*person)(nil)),
		)
		testkit.Unnamed(t, out.Bytes(), address, profile, "lovelace")
		for _, kept := range []string{"written to", `"count"`, "7", "rollcall.dead.d.…"} {
			if !bytes.Contains(out.Bytes(), []byte(kept)) {
				t.Errorf("the line lacks %q: %s", kept, out.String())
			}
		}
	}
	scrub.Logger(nil).Info("nothing")
}
