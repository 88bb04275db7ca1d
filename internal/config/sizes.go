package config

import "rollcall/internal/broker"

// leastStreamBytes is what a stream of a limited size has to hold: less than a few of its largest messages, of a
// megabyte each, and the limit is a mistake in the unit.
const leastStreamBytes = 16 << 20

// checkSizes refuses sizes that no stream of ours can work with.
func (d *decoder) checkSizes(r *Retention) {
	for _, one := range []struct {
		key  string
		size int64
	}{
		{"events", r.EventsMaxBytes},
		{"ledger", r.LedgerMaxBytes},
		{"snapshots", r.SnapshotsMaxBytes},
		{"dead_letters", r.DeadLettersMaxBytes},
		{"receipts", r.ReceiptsMaxBytes},
	} {
		if one.size > 0 && one.size < leastStreamBytes {
			d.fail("retention."+one.key+"_max_bytes", "is %d bytes, and has to be 0 (no limit) or at least %d: messages there are up to a megabyte", one.size, leastStreamBytes)
		}
	}
}

// Topology is what streams the broker is to have, as the file says.
func (c *Config) Topology() broker.TopologyOptions {
	r := &c.Retention
	o := broker.TopologyOptions{
		Replicas: c.NATS.Replicas, DeadLetterAge: r.DeadLetters, ReceiptAge: r.Receipts,
		MaxBytes: broker.Sizes{
			Events: r.EventsMaxBytes, Ledger: r.LedgerMaxBytes, Snapshots: r.SnapshotsMaxBytes,
			DeadLetters: r.DeadLettersMaxBytes, Receipts: r.ReceiptsMaxBytes,
		},
	}
	for i := range c.Destinations {
		o.EventStreams = append(o.EventStreams, c.Destinations[i].Stream)
	}
	return o
}
