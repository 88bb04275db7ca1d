package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/broker"
	"rollcall/internal/testkit"
)

// settings returns how a stream is now.
func settings(t *testing.T, c *broker.Conn, stream string) jetstream.StreamConfig {
	t.Helper()
	s, err := c.JS.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

// Dead letters and receipts age as the configuration says, also where it changes; journals and leases never do.
func TestDeadLettersAndReceiptsAgeByConfiguration(t *testing.T) {
	t.Parallel()
	c := testkit.Connect(t, testkit.StartBroker(t))
	for _, o := range []broker.TopologyOptions{
		{DeadLetterAge: 240 * time.Hour, ReceiptAge: 24 * time.Hour}, {DeadLetterAge: time.Hour, ReceiptAge: 48 * time.Hour}, {},
	} {
		if err := c.EnsureInternal(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		want := map[string]time.Duration{
			broker.DeadLetterStream: o.DeadLetterAge, broker.ReceiptStream: o.ReceiptAge, broker.LedgerStream: 0,
			"OBJ_" + broker.SnapshotBucket: 0, "KV_" + broker.LeaseBucket: 0,
		}
		if o.DeadLetterAge == 0 {
			want[broker.DeadLetterStream], want[broker.ReceiptStream] = 720*time.Hour, 720*time.Hour
		}
		for stream, age := range want {
			if got := settings(t, c, stream).MaxAge; got != age {
				t.Errorf("%s ages after %s, want %s", stream, got, age)
			}
		}
	}
}

// What Rollcall makes is on the disk, takes what is written to it, and lets nothing go that it needs.
func TestTheStreamsThatAreMadeAreFit(t *testing.T) {
	t.Parallel()
	c := testkit.Broker(t)
	for _, stream := range []string{broker.DefaultEventStream, broker.LedgerStream, broker.DeadLetterStream, broker.ReceiptStream} {
		cfg := settings(t, c, stream)
		if cfg.Storage != jetstream.FileStorage || cfg.Retention != jetstream.LimitsPolicy || !cfg.AllowAtomicPublish || cfg.Replicas != 1 ||
			cfg.MaxMsgs > 0 || cfg.MaxBytes > 0 || cfg.PersistMode == jetstream.AsyncPersistMode {
			t.Errorf("%s: %+v", stream, cfg)
		}
	}
	if cfg := settings(t, c, broker.DefaultEventStream); cfg.MaxMsgsPerSubject != 1 || cfg.MaxAge != 0 {
		t.Errorf("the event stream keeps %d a subject, for %s", cfg.MaxMsgsPerSubject, cfg.MaxAge)
	}
}

// A stream that somebody else made, and that contradicts what Rollcall needs of it, is refused with the setting, what it has
// to be and the command that helps; nothing of it is changed.
func TestAStreamOfOthersThatDoesNotFitIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	keyed := broker.EventSubjects()
	for name, cfg := range map[string]struct {
		jetstream.StreamConfig
		setting string
	}{
		"events that age":           {jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: keyed, MaxMsgsPerSubject: 1, MaxAge: time.Hour}, "max_age"},
		"events that are few":       {jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: keyed, MaxMsgsPerSubject: 1, MaxMsgs: 10}, "max_msgs"},
		"events that are small":     {jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: keyed, MaxMsgsPerSubject: 1, MaxBytes: 1 << 20}, "max_bytes"},
		"events that expire":        {jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: keyed, MaxMsgsPerSubject: 1, AllowMsgTTL: true}, "allow_msg_ttl"},
		"events with markers":       {jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: keyed, MaxMsgsPerSubject: 1, AllowMsgTTL: true, SubjectDeleteMarkerTTL: time.Hour}, "allow_msg_ttl"},
		"events in memory":          {jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: keyed, MaxMsgsPerSubject: 1, Storage: jetstream.MemoryStorage}, "storage"},
		"a log in memory":           {jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: []string{"segments.membership.*"}, MaxMsgsPerSubject: -1, Storage: jetstream.MemoryStorage}, "storage"},
		"events that are cut off":   {jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: keyed, MaxMsgsPerSubject: 1, MaxMsgSize: 1000}, "max_msg_size"},
		"events that go when acked": {jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: keyed, Retention: jetstream.WorkQueuePolicy}, "retention"},
		"H12: unkeyed, one kept":    {jetstream.StreamConfig{Name: broker.DefaultEventStream, Subjects: []string{"segments.membership.*"}, MaxMsgsPerSubject: 1}, "max_msgs_per_subject"},
		"a journal that ages":       {jetstream.StreamConfig{Name: broker.LedgerStream, Subjects: []string{"rollcall.ledger.>"}, MaxAge: time.Hour}, "max_age"},
		"a journal of one entry":    {jetstream.StreamConfig{Name: broker.LedgerStream, Subjects: []string{"rollcall.ledger.>"}, MaxMsgsPerSubject: 1}, "max_msgs_per_subject"},
		"a journal in memory":       {jetstream.StreamConfig{Name: broker.LedgerStream, Subjects: []string{"rollcall.ledger.>"}, Storage: jetstream.MemoryStorage}, "storage"},
		"a journal that is limited": {jetstream.StreamConfig{Name: broker.LedgerStream, Subjects: []string{"rollcall.ledger.>"}, MaxBytes: 1 << 20}, "max_bytes"},
		"entries that are small":    {jetstream.StreamConfig{Name: broker.LedgerStream, Subjects: []string{"rollcall.ledger.>"}, MaxMsgSize: 1000}, "max_msg_size"},
		"letters that are limited":  {jetstream.StreamConfig{Name: broker.DeadLetterStream, Subjects: []string{"rollcall.dead.>"}, MaxBytes: 1 << 20}, "max_bytes"},
		"receipts that are few":     {jetstream.StreamConfig{Name: broker.ReceiptStream, Subjects: []string{"rollcall.receipts.>"}, MaxMsgs: 1000}, "max_msgs"},
		"letters that stay":         {jetstream.StreamConfig{Name: broker.DeadLetterStream, Subjects: []string{"rollcall.dead.>"}, DenyPurge: true}, "deny_delete or deny_purge"},
		"snapshots that age":        {jetstream.StreamConfig{Name: "OBJ_" + broker.SnapshotBucket, Subjects: []string{"$O." + broker.SnapshotBucket + ".>"}, MaxAge: time.Hour}, "max_age"},
		"snapshots in memory":       {jetstream.StreamConfig{Name: "OBJ_" + broker.SnapshotBucket, Subjects: []string{"$O." + broker.SnapshotBucket + ".>"}, Storage: jetstream.MemoryStorage}, "storage"},
		"receipts elsewhere":        {jetstream.StreamConfig{Name: broker.ReceiptStream, Subjects: []string{"elsewhere"}}, "subjects"},
	} {
		t.Run(name, func(t *testing.T) {
			c := testkit.Connect(t, testkit.StartBroker(t))
			if _, err := c.JS.CreateStream(t.Context(), cfg.StreamConfig); err != nil {
				t.Fatal(err)
			}
			before := settings(t, c, cfg.Name)
			err := c.EnsureStreams(t.Context(), broker.TopologyOptions{DeadLetterAge: time.Hour})
			var unfit *broker.UnfitError
			if cfg.Name == broker.DefaultEventStream { // it is inspected, and suspends its destinations alone
				state, inspected := c.InspectStream(t.Context(), cfg.Name)
				if err = errors.Join(err, inspected); err == nil {
					t.Fatalf("it is taken: %+v", state)
				}
			}
			if !errors.As(err, &unfit) || unfit.Stream != cfg.Name || unfit.Setting != cfg.setting || unfit.Help == "" || !strings.Contains(unfit.Error(), unfit.Need) {
				t.Fatalf("refused with %v", err)
			}
			var claim *broker.UnfitError
			if err := c.FitInternal(t.Context()); cfg.Name != broker.DefaultEventStream && (!errors.As(err, &claim) || claim.Setting != cfg.setting || !claim.Ours()) {
				t.Errorf("before a claim it is judged as %v", err)
			}
			after := settings(t, c, cfg.Name)
			if before.MaxAge != after.MaxAge || before.MaxMsgs != after.MaxMsgs || before.MaxMsgsPerSubject != after.MaxMsgsPerSubject || len(before.Subjects) != len(after.Subjects) {
				t.Errorf("it was %+v, and is %+v", before, after)
			}
		})
	}
}

// On a cluster the streams have as many replicas as the configuration asks for; more than there are servers is refused.
func TestStreamsHaveTheReplicasThatAreAskedFor(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: it starts a cluster")
	}
	c := testkit.StartCluster(t).Connect()
	if err := c.EnsureStreams(t.Context(), broker.TopologyOptions{Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	for _, stream := range append(broker.InternalStreams(), broker.DefaultEventStream) {
		if got := settings(t, c, stream).Replicas; got != 3 {
			t.Errorf("%s has %d replicas", stream, got)
		}
	}
	single := testkit.Connect(t, testkit.StartBroker(t))
	if err := single.EnsureInternal(t.Context(), broker.TopologyOptions{Replicas: 3}); err == nil || !strings.Contains(err.Error(), "with 3 replicas") {
		t.Errorf("one server takes three replicas: %v", err)
	}
}

// H46: in a bucket that keeps history the broker lets a lease live as long as its delete markers; in one without times to live
// of keys no lease can be held. Both are refused with what helps.
func TestABucketOfLeasesThatProlongsThemIsRefused(t *testing.T) {
	for setting, cfg := range map[string]jetstream.KeyValueConfig{
		"history":       {Bucket: broker.LeaseBucket, History: 5, LimitMarkerTTL: 10 * time.Minute},
		"allow_msg_ttl": {Bucket: broker.LeaseBucket, History: 1},
	} {
		c := testkit.Connect(t, testkit.StartBroker(t))
		if _, err := c.JS.CreateKeyValue(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{"at the start": c.EnsureInternal(t.Context(), broker.TopologyOptions{}), "before a claim": c.FitInternal(t.Context())} {
			var unfit *broker.UnfitError
			if !errors.As(err, &unfit) || unfit.Setting != setting || !unfit.Ours() || !strings.Contains(unfit.Help, "nats kv del") {
				t.Errorf("%s, %s: %v", setting, what, err)
			}
		}
	}
}
