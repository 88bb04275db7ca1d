// Package health decides whether a destination may send to SendGrid now, and what for: its suspension, the rest after a
// request that failed, the small request that ends a suspension, and whether the account's plan takes contacts.
//
// # What it guarantees
//
// It is told what answers meant and it is asked what may be sent; each call takes the time as an argument, so that the same calls
// always decide the same (I14). A suspension ends only by an answer to a request of the kind that was refused: a key that may
// read and not write would otherwise resume and be suspended again for ever. No failure ever drops a change; it only delays.
//
// # What it does not
//
// It makes no request, writes no log and knows no contact. Its caller owns it, on one goroutine. Nothing of it is in the ledger: a
// new owner finds the same out by its own first requests.
package health
