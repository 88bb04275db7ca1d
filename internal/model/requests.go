package model

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/internal/contact"
	"rollcall/internal/sendgrid/simulator"
)

// request checks a request that is about to be written: it follows an intent of the same replica within
// its deadline (I2), and nothing else is under way for its contacts (I4).
func (v *watch) request(p *process, on string, r *http.Request, body []byte) *sent {
	v.mu.Lock()
	v.identify()
	v.mu.Unlock()
	op, changes := map[string]contact.Operation{"upsert": contact.Upsert, "remove": contact.Remove, "delete": contact.Delete}[on]
	if !changes {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	s := &sent{by: p, on: on, contents: v.contents(on, r, body)}
	if on != "upsert" {
		s.ids = idsOf(r)
	}
	v.w.tell("request: %s %v", on, s.contents)
	if !p.intended(op, s.contents) {
		v.w.fail("I2: a request to %s %v follows no committed intent of its replica within its deadline", on, s.contents)
	}
	v.forget()
	for _, earlier := range v.open {
		for email, content := range s.contents {
			if other, under := earlier.contents[email]; under && other != content && v.canAct(earlier, email) {
				v.w.fail("I4: %s of %s is sent while %s is under way:\n%s\n%s", on, email, earlier.on, content, other)
			}
		}
	}
	for email, content := range s.contents {
		if u := v.undone[email]; u.by == p && u.content == content && u.jobs >= mostUndone && u.last == v.w.stream.last() {
			v.w.fail("I7: %d jobs ended without doing anything for %s, and it is asked for again", u.jobs, email)
		}
	}
	v.open = append(v.open, s)
	return s
}

// canAct reports whether a request under way may still change a contact. What goes by ids does nothing any more once the contact
// of its id is gone, be it by another destination's erasure: made again, the contact has another id.
func (v *watch) canAct(s *sent, email string) bool {
	if len(s.ids) == 0 {
		return true
	}
	there := false
	v.w.sim.Contacts("", func(c simulator.Contact) { there = there || c.Email == email && slices.Contains(s.ids, c.ID) })
	return there
}

// intended takes the intent that a request follows.
func (p *process) intended(op contact.Operation, contents map[string]string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for i := range p.intents {
		in := &p.intents[i]
		fits := op != contact.Upsert || len(contents) == len(in.Handles)
		for email := range contents {
			fits = fits && (in.emails[email] || strings.HasPrefix(email, "?"))
		}
		if !in.used && in.Operation == op && fits && now.Before(time.Unix(0, in.At).Add(timeout)) {
			in.used = true
			return true
		}
	}
	return false
}

// contents is what a request asks for, by e-mail.
func (v *watch) contents(on string, r *http.Request, body []byte) map[string]string {
	out := map[string]string{}
	if on == "upsert" {
		var in struct {
			Contacts []json.RawMessage `json:"contacts"`
		}
		if err := json.Unmarshal(body, &in); err != nil {
			v.w.fail("an upsert's body is no JSON: %v", err)
		}
		for _, raw := range in.Contacts {
			var one struct {
				Email string `json:"email"`
			}
			_ = json.Unmarshal(raw, &one) // it is JSON, as the whole is
			out[one.Email] = string(raw)
		}
		return out
	}
	v.identify()
	for _, id := range idsOf(r) {
		email, known := v.ids[id]
		if !known { // it came and went between two looks
			email = strings.Repeat("?", len(out)+1)
		}
		out[email] = on
		if email == foreigner {
			v.w.fail("I6: a removal names a foreign member")
		}
	}
	return out
}

func idsOf(r *http.Request) []string {
	return strings.Split(r.URL.Query().Get("contact_ids")+r.URL.Query().Get("ids"), ",")
}

// identify notes the ids of the account's contacts: a request may name one that is gone.
func (v *watch) identify() {
	v.w.sim.Contacts("", func(c simulator.Contact) { v.ids[c.ID] = c.Email })
}

// undone is how often in a row a replica's jobs ended without doing what they were asked for one contact.
type undone struct {
	by      *process
	content string
	jobs    int // that told that they had ended
	row     int // the same, those before it counted, of other replicas, whose jobs it may follow to their end, and of other versions

	// last is the stream's end when the last of them was accepted. A newer event may make another version of the contact, though it
	// asks for the same, and then the counting begins anew.
	last uint64
}

const mostUndone = 4 // the first try, and three more

// settled notes whether a job will do what it was asked.
func (v *watch) settled(s *sent, job string) {
	for _, j := range v.w.sim.Jobs() {
		if j.ID != job {
			continue
		}
		s.over = j.Never
		for email, content := range s.contents {
			switch u, last := v.undone[email], v.w.stream.last(); {
			case s.on != "upsert" || j.Silent || j.Never && !s.told:
			case !j.Never && u.by != s.by && u.row >= mostUndone:
				v.undone[email] = undone{by: s.by, row: u.row} // the replica before may be setting the contact aside just now
			case !j.Never:
				delete(v.undone, email)
			case u.content != content:
				v.undone[email] = undone{s.by, content, 1, 1, last}
			case u.by != s.by || u.last != last:
				v.undone[email] = undone{s.by, content, 1, u.row + 1, last}
			default:
				v.undone[email] = undone{s.by, content, u.jobs + 1, u.row + 1, last}
			}
		}
	}
}

// forget lets go of the requests whose jobs SendGrid has applied, and of those to take contacts off whom the other destination
// has deleted meanwhile: one who is made anew has another id.
func (v *watch) forget() {
	there := map[string]bool{}
	v.w.sim.Contacts("", func(c simulator.Contact) { there[c.ID] = true })
	applied := map[string]bool{}
	for _, j := range v.w.sim.Jobs() {
		if !j.Applied.IsZero() {
			applied[j.ID] = true
		}
	}
	v.open = slices.DeleteFunc(v.open, func(s *sent) bool {
		moot := len(s.ids) > 0 && !slices.ContainsFunc(s.ids, func(id string) bool { return there[id] })
		return s.over || moot || applied[s.job]
	})
}

// ended notes that a request became a job, or nothing.
func (v *watch) ended(s *sent, job string) {
	if s == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.w.tell("arrived: %s %v: job %q", s.on, s.contents, job)
	s.job, s.over = job, job == ""
	v.settled(s, job)
}

// mustBeLettered reports whether an event has something wrong with it whatever else is on the stream.
func mustBeLettered(e Event, c Config) bool {
	if e.Kind != "membership" || !e.Entered || !slices.Contains(c.Segments, e.Segment) {
		return false
	}
	address, _ := e.Attributes["email"].(string)
	return identity(address) == "" || person(e.Attributes, c).Bad
}

// explained reports whether an event can have been set aside for a reason.
func explained(w *world, e Event, reason string) bool {
	address, isText := e.Attributes["email"].(string)
	email := identity(address)
	switch reason {
	case "no_email":
		return !isText || address == ""
	case "invalid_email":
		return isText && address != "" && email == ""
	case "schema":
		return e.Entered && e.Attributes == nil
	case "bad_value":
		for name := range mappings {
			if person(e.Attributes, Config{Mapping: name}).Bad {
				return true
			}
		}
		return false
	case "sendgrid_refused", "other_identifier":
		return w.watch.givenUp(email) || w.refused(email)
	case "unreadable":
		return e.Kind == "garbage"
	case "refresh_refused":
		return e.Kind == "refreshed"
	}
	return false
}

// givenUp reports whether SendGrid said of as many jobs as are tried that they had ended, and a contact was left undone by
// all of them. After its dead letter it may be tried again.
func (v *watch) givenUp(email string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.undone[email].row < mostUndone {
		return false
	}
	delete(v.undone, email)
	v.gaveUp = true
	return true
}

// refused reports whether SendGrid never takes an e-mail.
func (w *world) refused(email string) bool {
	return email == strange || w.sim.Refuses(email) || w.sim.RefusesUnnamed(email)
}
