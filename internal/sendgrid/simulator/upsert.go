package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	maxContacts   = 30000
	maxAlternates = 5
)

// incoming is one contact of an upsert. Pointers tell "" from a key that is left out.
type incoming struct {
	Email      *string                    `json:"email"`
	Alternates []string                   `json:"alternate_emails"`
	Custom     map[string]json.RawMessage `json:"custom_fields"`
	texts
}

type texts struct {
	FirstName   *string `json:"first_name"`
	LastName    *string `json:"last_name"`
	Address1    *string `json:"address_line_1"`
	Address2    *string `json:"address_line_2"`
	City        *string `json:"city"`
	State       *string `json:"state_province_region"`
	Postal      *string `json:"postal_code"`
	Country     *string `json:"country"`
	Phone       *string `json:"phone_number"`
	WhatsApp    *string `json:"whatsapp"`
	Line        *string `json:"line"`
	Facebook    *string `json:"facebook"`
	UniqueName  *string `json:"unique_name"`
	PhoneID     *string `json:"phone_number_id"`
	ExternalID  *string `json:"external_id"`
	AnonymousID *string `json:"anonymous_id"`
}

// all is in the order of textNames.
func (t *texts) all() [len(textNames)]*string {
	return [...]*string{
		t.FirstName, t.LastName, t.Address1, t.Address2, t.City, t.State, t.Postal, t.Country, t.Phone, t.WhatsApp,
		t.Line, t.Facebook, t.UniqueName, t.PhoneID, t.ExternalID, t.AnonymousID,
	}
}

// identity is the identifier of a kind that the contact comes with, "" where there is none.
func (c *incoming) identity(kind int) string {
	p := c.Email
	if kind > 0 {
		p = [...]*string{c.PhoneID, c.ExternalID, c.AnonymousID}[kind-1]
	}
	switch {
	case p == nil:
		return ""
	case kind == 0:
		return strings.ToLower(*p)
	}
	return *p
}

func (c *incoming) anonymous() bool {
	for kind := range identities {
		if c.identity(kind) != "" {
			return false
		}
	}
	return true
}

type upsertBody struct {
	Lists    []string   `json:"list_ids"`
	Contacts []incoming `json:"contacts"`
}

// putContacts judges a whole upsert at once: one bad contact, and nothing of it is queued.
func (s *Simulator) putContacts(x *exchange) {
	in, ok := s.readUpsert(x)
	if !ok {
		return
	}
	s.log.contacts(len(in.Contacts), len(x.body))
	if len(in.Contacts) == 0 {
		x.fail(http.StatusBadRequest, wrong("contacts", "at least one contact is required"))
		return
	}
	if len(in.Contacts) > maxContacts {
		x.fail(http.StatusBadRequest, wrong("contacts", "no more than 30000 contacts are taken"))
		return
	}
	for _, id := range in.Lists {
		if s.lists[id] == nil && !s.opts.UnknownLists {
			x.fail(http.StatusNotFound, nobodys("one or more lists do not exist"))
			return
		}
	}
	if bad := s.judge(in.Contacts); len(bad) > 0 {
		x.fail(http.StatusBadRequest, bad...)
		return
	}
	kind := "upsert_contacts"
	if s.opts.SpecJobType {
		kind = "upsert"
	}
	x.accepted(s.accept(kind, len(in.Contacts), func(j *job) { s.upsert(j, in.Lists, in.Contacts) }))
}

// readUpsert decodes the body; false where it has answered.
func (s *Simulator) readUpsert(x *exchange) (in upsertBody, ok bool) {
	switch {
	case !x.whole && s.opts.Oversize400:
		x.fail(http.StatusBadRequest, wrong("", "request body too large"))
	case !x.whole:
		x.fail(http.StatusRequestEntityTooLarge, nobodys("request body too large"))
	case !json.Valid(x.body):
		x.fail(http.StatusBadRequest, wrong("", "invalid JSON"))
	case json.Unmarshal(x.body, &in) != nil, !s.opts.Nulls && hasNull(x.body):
		x.fail(http.StatusBadRequest, wrong("", "invalid input"))
	default:
		return in, true
	}
	return in, false
}

// hasNull reports whether a valid document holds null anywhere.
func hasNull(body []byte) bool {
	quoted := false
	for i := 0; i < len(body); i++ {
		switch b := body[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case b == 'n' && !quoted:
			return true // no other word of JSON begins with it
		}
	}
	return false
}

// judge returns what is wrong with an upsert at once.
func (s *Simulator) judge(contacts []incoming) []problem {
	field := ".identifier"
	if s.opts.LegacyField {
		field = ".email"
	}
	var bad []problem
	unknown := map[string]bool{}
	seen := make(map[string]bool, len(contacts))
	for i := range contacts {
		message, whole := s.objection(&contacts[i], seen)
		if whole {
			return []problem{wrong("", message)}
		}
		if message != "" {
			bad = append(bad, wrong("contacts["+strconv.Itoa(i)+"]"+field, message))
		}
		if s.opts.FirstOnly && len(bad) > 0 {
			return bad
		}
		for id := range contacts[i].Custom {
			if !s.usable(id) {
				unknown[id] = true
			}
		}
	}
	if len(unknown) > 0 {
		var ids []string
		for id := range unknown {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		bad = append(bad, wrong("", "invalid custom field ids supplied - "+strings.Join(ids, ",")))
	}
	return bad
}

// objection is what is wrong with one contact; whole where the answer names nobody.
func (s *Simulator) objection(c *incoming, seen map[string]bool) (message string, whole bool) {
	email := c.identity(0)
	switch {
	case c.anonymous():
		return "at least one identifier is required", false
	case len(c.Alternates) > maxAlternates:
		return "no more than 5 alternate emails are taken", false
	case c.Email != nil && (!plausible(email) || s.refused(email, true)):
		return "email '" + *c.Email + "' is not valid", false
	case email != "" && s.refused(email, false):
		return "invalid input", true
	case email != "" && seen[email] && !s.opts.Duplicates:
		return "the identifier is there twice", false
	}
	seen[email] = true
	return "", false
}

// plausible is what SendGrid judges at once of an e-mail.
func plausible(email string) bool {
	local, domain, ok := strings.Cut(email, "@")
	return ok && local != "" && len(email) <= 254 && strings.Contains(domain, ".") && !strings.ContainsAny(email, " \t\r\n,;<>()") &&
		!strings.Contains(domain, "@") && !strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".") && !strings.Contains(email, "..")
}
