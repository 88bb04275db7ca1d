package state

import (
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/flight"
	"rollcall/internal/ledger/record"
	"rollcall/internal/segment"
)

// The records of this file end what intents began: outcomes, and what they make of contacts.

func (s *State) noEffect(r *record.NoEffect) {
	b := s.Flight.Get(r.Batch)
	if b == nil {
		return
	}
	s.at = r.At
	if b.Until > 0 { // an earlier try of the same content is still in doubt
		s.Flight.Unsure(r.Batch, b.Until)
		return
	}
	items := b.Items
	if len(r.Only) > 0 {
		items = s.Flight.Leave(r.Batch, r.Only)
	} else {
		s.Flight.End(r.Batch)
	}
	refused := make(map[contact.Handle]string, len(r.Refused))
	for _, f := range r.Refused {
		refused[f.Handle] = f.Reason
	}
	for _, it := range items {
		if b.Operation == contact.Upsert {
			s.Book.Release(it.Handle)
		}
		if reason, ok := refused[it.Handle]; ok {
			s.refuse(it, reason)
			continue
		}
		s.evaluate(it.Handle, r.Due)
	}
}

// refuse parks a contact at the version that SendGrid would not have; a newer one is planned anew, also where another event says
// the same: the dead letter is of the one that was sent.
func (s *State) refuse(it flight.Item, reason string) {
	h := it.Handle
	s.Counts.Refused++
	erasing := s.Erasing.Get(uint32(h)) != nil // it is deleted first
	if erasing || !s.Roster.Desired(h) || s.Roster.Hash(h) != it.Hash || s.Roster.Source(h) != it.Source {
		s.evaluate(h, s.at)
		return
	}
	s.drop(h, false)
	s.Book.Refuse(h, reason)
	d := s.Dirty.Put(uint32(h))
	d.hash, d.changed = s.refusedVersion(h), 0
	s.stays(h)
}

// refusedVersion tells the versions of a refused contact apart. One that SendGrid refused is another as soon as another event
// sets its fields, whatever that says: the dead letter is of the old one, and no retry could take up the new one. An event with a
// bad value has a letter of its own.
func (s *State) refusedVersion(h contact.Handle) uint64 {
	if s.Book.Refusal(h) == string(segment.ReasonBadValue) {
		return s.Roster.Hash(h)
	}
	return s.Roster.Hash(h) ^ s.Roster.Source(h)*0x9e3779b97f4a7c15
}

// settled ends contacts of a batch as they were found to stand.
func (s *State) settled(r *record.Settled) {
	b := s.Flight.Get(r.Batch)
	if b == nil {
		return
	}
	s.at = r.At
	s.Book.Note(r.At, s.Policy.Guard.Interval)
	except := make(map[contact.Handle]record.Exception, len(r.Exceptions))
	for _, e := range r.Exceptions {
		except[e.Handle] = e
	}
	items := b.Items
	if r.All != 0 {
		s.Flight.End(r.Batch)
	} else {
		handles := make([]contact.Handle, 0, len(r.Exceptions))
		for _, e := range r.Exceptions {
			handles = append(handles, e.Handle)
		}
		items = s.Flight.Leave(r.Batch, handles)
	}
	for _, it := range items {
		finding, reason := r.All, ""
		if e, ok := except[it.Handle]; ok {
			finding, reason = e.Finding, e.Reason
		}
		s.settle(b, it, finding, reason)
	}
}

func (s *State) settle(b *flight.Batch, it flight.Item, f record.Finding, reason string) {
	op, h := b.Operation, it.Handle
	switch op {
	case contact.Upsert:
		switch f {
		case record.Applied:
			s.tell(op, h)
			s.sent(op, h, !s.Book.At(h).Listed())
			s.took(h, it, b.Mapped)
		case record.OnList:
			s.list(h, 0, s.Book.At(h).Mask)
		case record.OffList:
			s.Book.SetUnlisted(h)
		case record.Rejected:
			s.Book.Release(h)
			s.refuse(it, reason)
			return
		}
	case contact.Remove:
		if f == record.Applied || f == record.OffList {
			s.tell(op, h)
			s.sent(op, h, false)
			if !b.Exempt && s.Book.At(h).Listed() {
				s.Book.Removed(s.at, s.Policy.Guard.Interval)
			}
			s.Book.SetUnlisted(h)
			s.Recount = true
		}
	case contact.Delete:
		if f == record.Applied || f == record.OffList {
			s.erased(h)
			return
		}
	}
	s.evaluate(h, s.at)
}

// took notes that SendGrid has what a batch carried. A field that its mapping lacked keeps the value that it was sent before; where
// the mapping has it again by now, what SendGrid has is another than the version that was sent.
func (s *State) took(h contact.Handle, it flight.Item, mapped uint64) {
	hash, mask := it.Hash, it.Mask|s.Book.At(h).Mask&^mapped
	if mask&^it.Mask&s.Meta.Claim.Mapped != 0 {
		hash = 0
	}
	s.list(h, hash, mask)
}

// erased notes that the account has the contact no more. One that another profile still selects is made anew,
// from that one's fields alone, and keeps its slot.
func (s *State) erased(h contact.Handle) {
	s.tell(contact.Delete, h)
	slot := s.Book.At(h).Listed() || s.Book.At(h).Slot()
	s.Book.Gone(h)
	s.Erasing.Remove(uint32(h))
	s.Recount = true
	if slot && s.Roster.Desired(h) {
		s.Book.Reserve(h)
	}
	s.evaluate(h, s.at)
}

// tell counts an applied change and its lag.
func (s *State) tell(op contact.Operation, h contact.Handle) {
	s.Counts.Applied[op]++
	d := s.Dirty.Get(uint32(h))
	if d == nil {
		return
	}
	if s.Applied != nil && d.since > 0 {
		s.Applied(op, d.since, s.at)
	}
	d.since = 0
	if d.changed != 0 {
		d.since = d.changed / int64(time.Millisecond)
	}
}

// accept tells of each contact of a batch how long it took to be accepted.
func (s *State) accept(b *flight.Batch, at int64) {
	if s.Accepted == nil {
		return
	}
	for _, it := range b.Items {
		if d := s.Dirty.Get(uint32(it.Handle)); d != nil && d.since > 0 {
			s.Accepted(b.Operation, d.since, at)
		}
	}
}
