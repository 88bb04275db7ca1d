// Package dense holds the containers that keep a destination's state small: strings without headers,
// rows without pointers, and look-ups by dense handle. A million contacts are then a few large
// allocations that the garbage collector never walks.
//
// The containers guarantee stable handles and O(1) operations (amortised). They are not safe for
// concurrent use: one goroutine owns a destination's state. They keep no reference to bytes given.
package dense
