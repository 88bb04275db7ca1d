// Package model judges the whole pipeline by a second opinion: a naive reference of what the contract says
// a list should hold, and a driver that plays a story against the real pipeline, the real client and the
// simulator, with crashes, lost answers, second replicas and changed configuration.
//
// It guarantees that a story is played in the bubble's time alone, that every invariant which can be seen
// from outside is checked at every commit and every request (I1, I2, I4, I5, I6, I13), and that at the end
// the list equals the reference, contact by contact and field by field. It does not judge how fast anything
// is, nor what is printed. It shares no code with the fold, the mapping or the e-mail's normalisation.
//
// A story is text, one operation a line: docs/model.md lists the operations. Tests alone import it.
package model
