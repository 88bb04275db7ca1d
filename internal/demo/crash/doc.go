// Package crash holds the test that kills the consumer (SIGKILL) at seeded moments of a running load, over separate processes: a
// nats-server that syncs every write, `consumer simulator`, `consumer run` and `publisher publish`.
//
// After each kill the consumer is started again, and when nothing is left to do the list is audited, contact by contact and field by
// field, against all that was published so far. `make crash` runs it; it kills only what it started itself.
package crash
