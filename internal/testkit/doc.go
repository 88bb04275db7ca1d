// Package testkit holds what the tests of several packages need: an embedded broker, an HTTP transport that works inside a
// testing/synctest bubble, a guard against goroutines left behind, golden files, and a search for planted personal data. Tests
// alone import it.
package testkit
