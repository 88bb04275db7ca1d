package examples

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// What docs/publishing.md says of `nats pub` and its flags, by the CLI of tools/. Where it holds no longer, the page
// has to change.
func TestNatsPubNeedsTheFlagsThatThePageNames(t *testing.T) {
	t.Parallel()
	cli := languages[len(languages)-1]
	cli.require(t)
	e := testkit.StartBroker(t)
	conn := testkit.Connect(t, e)
	_, err := conn.JS.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: broker.DefaultEventStream, Subjects: broker.EventSubjects(), MaxMsgsPerSubject: -1, FirstSeq: 1234,
	})
	if err != nil {
		t.Fatal(err)
	}
	environment := append(withNATS(t), "NATS_URL="+e.ClientURL())
	pub := func(body string, flags ...string) (string, error) {
		command := exec.CommandContext(t.Context(), absolute(t, natsCLI), append([]string{"pub"}, flags...)...)
		command.Env, command.Stdin = environment, strings.NewReader(body)
		out, err := command.CombinedOutput()
		return string(out), err
	}
	last := func() *jetstream.RawStreamMsg {
		stream, err := conn.JS.Stream(t.Context(), broker.DefaultEventStream)
		if err != nil {
			t.Fatal(err)
		}
		m, err := stream.GetMsg(t.Context(), stream.CachedInfo().State.LastSeq)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	const subject, body = "segments.membership.s.p", "{\"city\":\n \"{{Count}} {{Time}}\"}\n"
	whole := []string{subject, "--jetstream", "--no-templates", "--force-stdin", "-H", "Nats-Msg-Id:/s#1"}

	said, err := pub(body, whole...)
	if got := last(); err != nil || string(got.Data) != body || !strings.Contains(said, "Sequence: 1,234") {
		t.Errorf("with the flags %q came, of %q: %v, %s", got.Data, body, err, said)
	}
	if said, err = pub(body, whole...); err != nil || !strings.Contains(said, "Duplicate: true") {
		t.Errorf("a duplicate ends with %v: %s", err, said)
	}
	if _, err = pub(body, subject, "--jetstream"); err != nil || string(last().Data) == body {
		t.Errorf("templates are left alone without --no-templates: %v", err)
	}
	_, err = pub(body, subject, "--jetstream", "--no-templates", "--send-on=newline")
	if err != nil || string(last().Data) == body {
		t.Errorf("by line the body came as %q: %v", last().Data, err)
	}
	_, err = pub(body, subject, "--jetstream", "--no-templates", "-H", "Ce-Source:{{Count}}")
	if err != nil || last().Header.Get("Ce-Source") != "1" {
		t.Errorf("a header is no template any more: %q, %v", last().Header.Get("Ce-Source"), err)
	}
	if said, err = pub(body, "segments.nowhere.s", "--jetstream", "--send-on=newline"); err != nil {
		t.Errorf("by line a subject that no stream takes ends with %v: %s", err, said)
	}
	if said, err = pub(body, "segments.nowhere.s"); err != nil {
		t.Errorf("without --jetstream a subject that no stream takes ends with %v: %s", err, said)
	}
	if said, err = pub(body, "segments.nowhere.s", "--jetstream"); err == nil {
		t.Errorf("with --jetstream a subject that no stream takes ends well: %s", said)
	}
}
