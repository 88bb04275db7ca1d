package sendgrid

import (
	"encoding/json"
	"sync"
)

var bodies = sync.Pool{New: func() any { return new([]byte) }}

// Batch builds the body of one upsert once, by count and by measured bytes (rule 5). Its buffer is
// pooled: Release it when the answer is there.
type Batch struct {
	buf                   *[]byte
	n                     int
	maxContacts, maxBytes int
}

// NewBatch starts a body for contacts that all go on these lists.
func NewBatch(lists []string, maxContacts, maxBytes int) *Batch {
	b := &Batch{buf: bodies.Get().(*[]byte), maxContacts: maxContacts, maxBytes: maxBytes}
	names, _ := json.Marshal(append([]string{}, lists...)) // strings always marshal, and no lists are [], not null
	*b.buf = append(append(append((*b.buf)[:0], `{"list_ids":`...), names...), `,"contacts":[`...)
	return b
}

// Add appends one contact's JSON; false where it does not fit any more.
func (b *Batch) Add(contact []byte) bool {
	const tail = len("]}")
	if b.n >= b.maxContacts || len(*b.buf)+1+len(contact)+tail > b.maxBytes && b.n > 0 {
		return false
	}
	if b.n > 0 {
		*b.buf = append(*b.buf, ',')
	}
	*b.buf = append(*b.buf, contact...)
	b.n++
	return true
}

// Len is the number of contacts.
func (b *Batch) Len() int { return b.n }

// Bytes ends the body and returns it; nothing can be added afterwards.
func (b *Batch) Bytes() []byte {
	if b.maxContacts >= 0 {
		*b.buf = append(*b.buf, "]}"...)
		b.maxContacts = -1
	}
	return *b.buf
}

// Release gives the buffer back: the body must not be used any more.
func (b *Batch) Release() {
	if b != nil && b.buf != nil {
		bodies.Put(b.buf)
		b.buf = nil
	}
}
