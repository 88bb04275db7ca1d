// Package record is what entries of a ledger are made of: the kinds of records, the rows of events, and their encoding.
//
// It guarantees that every form that a release wrote can be read for ever, and that a kind which this build does not know is
// an error that says so (ErrUnknownRecord), never a silent loss. It is pure (I14): it knows neither the broker, which package ledger
// writes entries to, nor what a record does to the state, which package state says.
package record
