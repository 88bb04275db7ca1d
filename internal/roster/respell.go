package roster

import (
	"bytes"
	"maps"
	"slices"

	"rollcall/internal/contact"
)

// Respelled is a contact that a newer rule of e-mails has no place for under its own e-mail.
type Respelled struct {
	From     contact.Handle
	To       contact.Handle // the contact that SendGrid has under that e-mail; zero is none of ours
	Stranger bool           // the rule makes no identity of the e-mail: nobody holds From any more, nor To instead of it
}

// named is the contact that memberships name which named the one.
func (s Respelled) named() uint32 {
	if s.Stranger {
		return 0
	}
	return uint32(s.To)
}

// Respell gives every contact the identity that a newer rule makes of its e-mail; false is that it makes none. Where
// another contact has that identity it stands for both from then on. It returns the contacts that no longer stand for
// themselves, by their number.
func (r *Roster) Respell(identity func(dst, email []byte) ([]byte, bool)) []Respelled {
	into := map[uint32]Respelled{}
	var strangers []uint32
	var email []byte
	for c := uint32(1); c < r.contacts.Len(); c++ {
		if r.contacts.Get(c) == nil {
			continue
		}
		email = append(email[:0], r.Email(contact.Handle(c))...)
		normal, ok := identity(nil, email)
		switch {
		case !ok:
			strangers = append(strangers, c)
		case bytes.Equal(normal, email):
		default:
			if other := r.Find(normal); other != 0 {
				into[c] = Respelled{From: contact.Handle(c), To: other}
			} else {
				r.rename(c, normal)
			}
		}
	}
	for _, c := range strangers { // once the others have their identities
		one := Respelled{From: contact.Handle(c), Stranger: true}
		if other := r.Find(bytes.ToLower(r.Email(one.From))); other != one.From {
			one.To = other
		}
		into[c] = one
	}
	if len(into) == 0 {
		return nil
	}
	var row profile
	for p := uint32(1); p < r.profiles.Len(); p++ {
		if r.open(p, &row) && r.respell(&row, into) {
			r.store(&row)
		}
	}
	out := slices.SortedFunc(maps.Values(into), func(a, b Respelled) int { return int(a.From) - int(b.From) })
	for _, one := range out {
		if n := one.named(); n != 0 {
			r.source(n)
		}
	}
	return out
}

// rename gives a contact another e-mail, which no other has.
func (r *Roster) rename(c uint32, email []byte) {
	one, _ := r.row(c)
	r.byEmail.Remove(r.emailKeyOf(c), c, r.emailKeyOf)
	r.domains.drop(one.domain)
	r.put(c, r.named(&one, email))
	r.byEmail.Add(r.emailKeyOf(c), c, r.emailKeyOf)
}

// respell lets what names contacts that no longer stand for themselves name the others, and reports whether anything did.
func (r *Roster) respell(row *profile, into map[uint32]Respelled) (changed bool) {
	for i := range row.members {
		if one, ok := into[row.members[i].contact]; ok {
			r.name(&row.members[i], one.named())
			changed = true
		}
	}
	past := row.past
	row.past = nil
	for _, c := range past {
		one, ok := into[c]
		switch changed = changed || ok; {
		case !ok || one.To == 0:
			row.past = append(row.past, c)
			continue
		case !one.Stranger && !slices.Contains(row.past, uint32(one.To)): // else it is somebody else's by now
			row.past = append(row.past, uint32(one.To))
			r.refer(uint32(one.To), 1)
		}
		r.refer(c, -1)
	}
	from := row.holds
	one, ok := into[from]
	if !ok {
		return changed
	}
	place := r.Place(one.From)
	r.unlink(row)
	switch to := one.named(); {
	case to != 0:
		r.link(row, to, place)
		r.notLater(to, place)
	case one.To == 0:
		r.remember(row, from)
	}
	return true
}

// notLater moves a contact's place in the line forward.
func (r *Roster) notLater(c uint32, place uint64) {
	if held, _ := r.row(c); held.place > place {
		held.place = place
		r.put(c, &held)
	}
}
