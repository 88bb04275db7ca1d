// Package desk answers operators: it reads how a destination stands, tells one person's story, and does
// what operators ask for, on the active replica or, where nobody is active, from the ledger and the streams.
//
// It guarantees that a reader's answer is made by the same code in both places, so that it differs only in
// what the ledger cannot know (rates, budgets, what is between two commits). It changes a destination's
// state through ledger entries alone, each with who asked for it, when, and their comment, and it decides
// nothing that the pipeline decides.
//
// It names persons only in answers to who asked for one (explain, waiting, revealed dead letters, verify).
package desk
