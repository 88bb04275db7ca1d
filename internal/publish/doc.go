// Package publish sends segment membership to the event stream as the segmentation engine would: rows read from files or generated, a
// whole segment with its refresh, single exits and erasures.
//
// It guarantees that every row is stored once or reported, that the events of a profile are stored in the order of its rows, also when
// a publish is tried again and through a broker's restart, that an answer *duplicate* is never taken for a publication that it is not
// (H30), and that memory does not grow with the number of rows. What it publishes, the consumer's decoder reads. It does not decide
// what a change means, and it doesn't hold other writers of a segment back (H29): see docs/publishing.md.
package publish
