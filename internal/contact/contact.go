// Package contact holds Rollcall's own words for what it keeps at SendGrid: the dense handle of a
// contact, the operations on it, the normalised e-mail that is its identity, and the compact encoding
// of its mapped fields.
//
// It guarantees that equal fields have equal encodings (so that a hash of the bytes compares them),
// and that every value round-trips. It knows nothing of mapping rules, segments or requests.
package contact

// Handle is the dense number of a contact within one destination's ledger. Zero is no contact.
type Handle uint32

// Operation is what one request does to its contacts.
type Operation uint8

// The operations, in the words of the metrics.
const (
	Upsert Operation = iota + 1 // put on the list, with its fields
	Remove                      // take off the list; the contact stays in the account
	Delete                      // delete from the account: erasure alone does it
)

// String returns the operation's label.
func (o Operation) String() string {
	switch o {
	case Upsert:
		return "upsert"
	case Remove:
		return "remove"
	case Delete:
		return "delete"
	}
	return "none"
}
