package state

import (
	"rollcall/internal/contact"
	"rollcall/internal/dense"
	"rollcall/internal/plan"
)

// dirtyRows are the contacts that differ from what is desired. Of one that waits for a slot and has nothing in hand only
// since when is kept: a segment may be many times as large as the cap (I11).
type dirtyRows struct {
	Rows   dense.Sparse[dirtyRow]
	parked dense.Sparse[int64] // dirtyRow.since
}

// Get returns the contact's row, to be changed, or nil.
func (d *dirtyRows) Get(h uint32) *dirtyRow {
	if d.parked.Get(h) == nil {
		return d.Rows.Get(h)
	}
	return d.Put(h)
}

// Put returns the contact's row, to be changed, made where there was none.
func (d *dirtyRows) Put(h uint32) *dirtyRow {
	since := d.parked.Get(h)
	if since == nil {
		return d.Rows.Put(h)
	}
	row := d.Rows.Put(h)
	row.since = *since
	d.parked.Remove(h)
	return row
}

// Look returns the contact's row, to be read.
func (d *dirtyRows) Look(h uint32) (dirtyRow, bool) {
	if since := d.parked.Get(h); since != nil {
		return dirtyRow{since: *since}, true
	}
	if row := d.Rows.Get(h); row != nil {
		return *row, true
	}
	return dirtyRow{}, false
}

// Remove takes the contact's row away.
func (d *dirtyRows) Remove(h uint32) {
	d.Rows.Remove(h)
	d.parked.Remove(h)
}

// Len returns the number of rows.
func (d *dirtyRows) Len() int { return d.Rows.Len() + d.parked.Len() }

// each calls visit with every row: those that are whole, then the parked.
func (d *dirtyRows) each(visit func(h uint32, row dirtyRow)) {
	for _, set := range [][]uint32{d.Rows.Handles(), d.parked.Handles()} {
		for _, h := range set {
			row, _ := d.Look(h)
			visit(h, row)
		}
	}
}

// shrink keeps only since when a waiting contact is dirty, where there is no more to its row: the hash is that of a
// version that was in hand, and is not any more.
func (s *State) shrink(h contact.Handle) {
	row := s.Dirty.Rows.Get(uint32(h))
	if row == nil || row.Fields != 0 || row.changed != 0 || row.moved || row.approved || s.Book.At(h).Place() != plan.Waiting {
		return
	}
	*s.Dirty.parked.Put(uint32(h)) = row.since
	s.Dirty.Rows.Remove(uint32(h))
}
