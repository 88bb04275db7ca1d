// Package pipeline runs one destination: it takes events over, commits them, and makes SendGrid's list
// equal to what they select.
//
// # What it guarantees
//
// One goroutine, the loop, owns the destination's State. State changes in one way alone: an entry is
// built, published to the journal, and applied once the broker has it. One entry is under way at a
// time, so that every decision is taken from committed state; what gathers meanwhile goes into the next
// entry together. Loading is the same fold of the same entries (I13).
//
// An event is acknowledged after the commit that covers it, its dead letter confirmed before (I1). A
// request leaves after its intent's commit, within its deadline (I2). An answer that never came leaves
// contacts in doubt until the horizon (I4), and every accepted job is followed to its end or settled by
// look-up (I7).
//
// # What it does not
//
// It does not decide who should be active: it claims the ledger when it is started, and ends with
// ledger.ErrFenced when a later claim is there. It starts no broker and reads no configuration.
//
// # Files
//
// state, apply and the files named after single records are the fold; claim begins and loop is the one select;
// intake, commit, dispatch, upsert, send, remove, follow and settle are the stages of an event's way, in this order.
// fill, replay, erase and sweep are what reaches beyond single events; query, explain and command serve operators.
package pipeline
