// Package history judges what happened, from outside: what a publisher was told, what the stream holds, and what became of the
// list, change by change.
//
// It guarantees: an event that the broker acknowledged and that nothing accounts for in the end is found, and so is a list that
// held a contact when nothing had asked for it since its removal, whatever the order and the timing. It knows what was published
// and when, never what Rollcall was thinking: it shares no code with it, and is a pure function with tests of its own.
//
// Check needs that a contact belongs to one membership, and then compares the contact's fields too. CheckCrowd does without, and leaves
// fields to the audit (internal/demo/audit).
package history
