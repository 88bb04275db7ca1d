package simulator

import (
	"net/http"
	"slices"
	"strings"
)

const (
	maxRemoved  = 100
	maxTarget   = 8000 // bytes of a request's path and query
	removalKind = "remove_from_list"
)

// removeFromList takes contacts off a list; they stay in the account.
func (s *Simulator) removeFromList(x *exchange) {
	given := x.URL.Query()["contact_ids"]
	var ids []string
	if len(given) == 1 && given[0] != "" {
		ids = strings.Split(given[0], ",")
	}
	id := x.PathValue("id")
	switch {
	case len(x.URL.RequestURI()) > maxTarget:
		x.fail(http.StatusRequestURITooLong, nobodys("the request line is too long"))
	case len(x.body) > 0:
		x.json(http.StatusBadRequest, wrong("", "no body is taken: contact_ids is a query parameter"))
	case len(ids) == 0:
		x.json(http.StatusBadRequest, wrong("contact_ids", "contact_ids is required as one query parameter"))
	case len(ids) > maxRemoved && !s.opts.ManyIDs:
		x.json(http.StatusBadRequest, wrong("contact_ids", "no more than 100 ids are taken"))
	case s.lists[id] == nil:
		x.json(http.StatusNotFound, wrong("id", "list does not exist"))
	case !s.opts.StaleIDs && slices.ContainsFunc(ids, func(c string) bool { return s.people.byID[c] == nil }):
		x.json(http.StatusNotFound, wrong("contact_ids", "one or more contact IDs do not exist"))
	default:
		x.accepted(s.accept(removalKind, len(ids), func(j *job) {
			for _, cid := range ids {
				if c := s.people.byID[cid]; c != nil {
					s.leave(c, id, j.apply)
					j.updated++
				}
			}
		}))
	}
}

// deleteContacts deletes from the account. What was paid for stays paid.
func (s *Simulator) deleteContacts(x *exchange) {
	q := x.URL.Query()
	given, all := q["ids"], q.Get("delete_all_contacts") == "true"
	one := len(given) == 1 && given[0] != ""
	if one == all {
		x.fail(http.StatusBadRequest, said("either 'ids' OR 'delete_all_contacts' should be supplied as query param"))
		return
	}
	var ids []string
	if one {
		ids = strings.Split(given[0], ",")
	} else {
		for _, c := range s.people.ordered(nil) {
			ids = append(ids, c.id)
		}
	}
	x.accepted(s.deletion(ids))
}

func (s *Simulator) deletion(ids []string) *job {
	kind := "delete_contacts"
	if s.opts.SpecJobType {
		kind = "delete"
	}
	return s.accept(kind, len(ids), func(j *job) {
		for _, id := range ids {
			if c := s.people.byID[id]; c != nil {
				s.drop(c, j.apply)
				j.deleted++
			}
		}
	})
}

// deleteIdentifier takes one identifier from a contact. The last one is refused, in the job.
func (s *Simulator) deleteIdentifier(x *exchange) {
	var in struct {
		Kind  string `json:"identifier_type"`
		Value string `json:"identifier_value"`
	}
	ok := x.decode(&in)
	kind := slices.IndexFunc(identityNames[:], func(n [2]string) bool { return n[1] == in.Kind })
	if !ok || kind < 0 || in.Value == "" {
		x.fail(http.StatusBadRequest, wrong("identifier_type", "an identifier's type and value are needed"))
		return
	}
	c := s.people.byID[x.PathValue("id")]
	if c == nil {
		x.fail(http.StatusNotFound, nobodys("contact not found"))
		return
	}
	value := in.Value
	if kind == 0 {
		value = strings.ToLower(value)
	}
	x.accepted(s.accept("delete_identifier", 1, func(j *job) {
		if reason := s.forget(c, kind, value); reason != "" {
			j.errors = append(j.errors, jobError{c.email, reason})
			return
		}
		c.updated = j.apply
		j.deleted++
	}))
}

func (s *Simulator) forget(c *contact, kind int, value string) string {
	has := 0
	for k := range identities {
		if c.identity(k) != "" {
			has++
		}
	}
	switch {
	case c.identity(kind) != value:
		return "the contact has no such identifier"
	case has == 1:
		return "a contact keeps its last identifier"
	}
	s.people.unindex(c)
	if kind == 0 {
		c.email = ""
	} else {
		c.texts[firstIdentity+kind-1] = ""
	}
	s.people.index(c)
	return ""
}

// postErasure takes an erase job. Nothing tells whether marketing contacts go with it, so that they stay.
func (s *Simulator) postErasure(x *exchange) {
	var in struct {
		Emails []string `json:"email_addresses"`
	}
	if len(x.body) > 256<<10 || !x.decode(&in) || len(in.Emails) == 0 || len(in.Emails) > 5000 {
		x.fail(http.StatusBadRequest, wrong("email_addresses", "between 1 and 5000 addresses within 256 KB are needed"))
		return
	}
	var bad []problem
	for _, e := range in.Emails {
		if !plausible(e) {
			bad = append(bad, wrong("email_addresses", "Email_address "+e+" is not valid"))
		}
	}
	if len(bad) > 0 {
		x.fail(http.StatusBadRequest, bad...)
		return
	}
	x.accepted(s.accept("erase", len(in.Emails), func(j *job) {
		for _, e := range in.Emails {
			e = strings.ToLower(e)
			s.erased[e] = true
			if c := s.people.email(e); c != nil && s.opts.ErasePurges {
				s.drop(c, j.apply)
			}
		}
	}))
}
