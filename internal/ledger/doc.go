// Package ledger is the durable state of a destination: a journal of entries on one subject of a JetStream
// stream, the records that entries are made of, and the snapshots that replace the journal's beginning.
//
// It guarantees that an entry is committed whole or not at all, and only directly behind the entry that
// its writer loaded or wrote last (I2), so that commit, atomicity and fence are one act; that what is
// loaded joins without a gap, or is refused with what is wrong; and that entries and snapshots of every
// released form can be read for ever. It does not know what a record means: the state that is folded from
// them does (internal/pipeline). Why a journal and not rows: docs/adr/0001-journal-ledger.md.
package ledger
