package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const maxLookup = 100

// searchEmails finds by primary and alternate addresses. Its errors are in the usual envelope.
func (s *Simulator) searchEmails(x *exchange) {
	var in struct {
		Emails []string `json:"emails"`
	}
	if !x.decode(&in) || len(in.Emails) == 0 || len(in.Emails) > maxLookup {
		x.fail(http.StatusBadRequest, wrong("emails", "between 1 and 100 emails are needed"))
		return
	}
	result, found := map[string]any{}, false
	for _, e := range in.Emails {
		if e = strings.ToLower(e); e == "" {
			continue
		}
		if utf8.RuneCountInString(e) > 100 || s.malformed(e) {
			x.fail(http.StatusBadRequest, wrong("emails", "one of the emails is malformed"))
			return
		}
		found = s.put(result, e, s.people.search(e)) || found
	}
	if !found {
		x.fail(http.StatusNotFound, nobodys("contacts not found"))
		return
	}
	x.json(http.StatusOK, map[string]any{"result": result})
}

// malformed reports whether a look-up refuses an e-mail: all that an upsert refuses by name, and those that a fault strikes.
func (s *Simulator) malformed(email string) bool {
	return !plausible(email) || s.strikes("refuse", email) || s.strikes("unsearchable", email)
}

// put notes what a look-up found under its key.
func (s *Simulator) put(result map[string]any, key string, c *contact) bool {
	if c == nil {
		result[key] = map[string]string{"error": "contact not found"}
		return false
	}
	result[key] = map[string]any{"contact": s.shape(c, time.RFC3339)}
	return true
}

// searchIdentifiers finds by one kind of identifier. Its errors are one bare object.
func (s *Simulator) searchIdentifiers(x *exchange) {
	kind := slices.IndexFunc(identityNames[:], func(n [2]string) bool { return n[0] == x.PathValue("type") })
	var in struct {
		Identifiers []string `json:"identifiers"`
	}
	if kind < 0 || !x.decode(&in) || len(in.Identifiers) == 0 || len(in.Identifiers) > maxLookup {
		x.json(http.StatusBadRequest, wrong("identifiers", "between 1 and 100 identifiers of a known kind are needed"))
		return
	}
	result, found := map[string]any{}, false
	for _, v := range in.Identifiers {
		if kind == 0 {
			v = strings.ToLower(v)
			if v != "" && s.malformed(v) {
				x.json(http.StatusBadRequest, wrong("identifiers", "one of the identifiers is malformed"))
				return
			}
		}
		if v != "" {
			found = s.put(result, v, s.people.by[kind][v]) || found
		}
	}
	if !found {
		x.json(http.StatusNotFound, said("contacts not found"))
		return
	}
	x.json(http.StatusOK, map[string]any{"result": result})
}

func (s *Simulator) getContact(x *exchange) {
	c := s.people.byID[x.PathValue("id")]
	if c == nil {
		x.fail(http.StatusNotFound, nobodys("contact not found"))
		return
	}
	x.json(http.StatusOK, s.shape(c, time.RFC3339Nano))
}

func (s *Simulator) batch(x *exchange) {
	var in struct {
		IDs []string `json:"ids"`
	}
	if !x.decode(&in) || len(in.IDs) == 0 || len(in.IDs) > maxLookup {
		x.fail(http.StatusBadRequest, wrong("ids", "between 1 and 100 ids are needed"))
		return
	}
	result := []any{}
	for _, id := range in.IDs {
		if c := s.people.byID[id]; c != nil {
			result = append(result, s.shape(c, time.RFC3339))
		}
	}
	x.json(http.StatusOK, map[string]any{"result": result})
}

// sample shows fifty contacts and has no pages, as SendGrid does.
func (s *Simulator) sample(x *exchange) {
	all := s.people.ordered(nil)
	slices.Reverse(all)
	some := all[:min(50, len(all))]
	slices.SortFunc(some, func(a, b *contact) int { return strings.Compare(a.email, b.email) })
	result := []any{}
	for _, c := range some {
		shown := s.shape(c, time.RFC3339Nano)
		if len(c.alternates) == 0 {
			shown["alternate_emails"] = nil
		}
		shown["_metadata"] = map[string]string{"self": "https://api.sendgrid.com/v3/marketing/contact/" + c.id}
		result = append(result, shown)
	}
	x.json(http.StatusOK, map[string]any{
		"result": result, "contact_count": s.people.count(), "_metadata": map[string]string{"self": "https://api.sendgrid.com/v3/marketing/contacts"},
	})
}

// count shows a parent what its subusers are billed too.
func (s *Simulator) count(x *exchange) {
	answer := map[string]any{"contact_count": s.people.count(), "billable_count": s.billed}
	if len(s.subs) > 0 {
		total, each := s.billed, map[string]int{}
		for name, sub := range s.subs {
			sub.mu.Lock()
			sub.advance()
			each[name] = sub.billed
			total += sub.billed
			sub.mu.Unlock()
		}
		answer["billable_breakdown"] = map[string]any{"total": total, "breakdown": each}
	}
	x.json(http.StatusOK, answer)
}
