package simulator

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// textNames are the reserved fields that are texts, but for the e-mail. The last three identify a
// contact, as the e-mail does.
var textNames = [...]string{
	"first_name", "last_name", "address_line_1", "address_line_2", "city", "state_province_region", "postal_code",
	"country", "phone_number", "whatsapp", "line", "facebook", "unique_name", "phone_number_id", "external_id", "anonymous_id",
}

// textLimits are the longest texts, in characters; 0 is none that is documented.
var textLimits = [len(textNames)]int{50, 50, 100, 100, 60, 50, 0, 50, 0, 0, 0, 0, 0, 0, 254, 254}

const (
	phoneNumber   = 8
	firstIdentity = 13 // of textNames
	identities    = 4  // e-mail, phone_number_id, external_id, anonymous_id
)

// identityNames are the kinds of identifiers, as look-ups and deletions name them.
var identityNames = [identities][2]string{
	{"email", "EMAIL"}, {"phone_number_id", "PHONENUMBERID"}, {"external_id", "EXTERNALID"}, {"anonymous_id", "ANONYMOUSID"},
}

type contact struct {
	id, email        string
	order            uint64
	texts            [len(textNames)]string
	alternates       []string
	custom           map[string]any // by field id
	lists            []string
	created, updated time.Time
}

func (c *contact) identity(kind int) string {
	if kind == 0 {
		return c.email
	}
	return c.texts[firstIdentity+kind-1]
}

// people finds contacts by id, by each identifier and by alternate addresses.
type people struct {
	byID       map[string]*contact
	by         [identities]map[string]*contact
	alternates map[string][]*contact
	next       uint64
}

func newPeople() people {
	p := people{byID: map[string]*contact{}, alternates: map[string][]*contact{}}
	for k := range p.by {
		p.by[k] = map[string]*contact{}
	}
	return p
}

func (p *people) count() int { return len(p.byID) }

func (p *people) email(e string) *contact { return p.by[0][e] }

// index makes a contact findable by what it holds now.
func (p *people) index(c *contact) {
	if c.order == 0 {
		p.next++
		c.order = p.next
	}
	p.byID[c.id] = c
	for k := range p.by {
		if v := c.identity(k); v != "" {
			p.by[k][v] = c
		}
	}
	for _, a := range c.alternates {
		if !slices.Contains(p.alternates[a], c) {
			p.alternates[a] = append(p.alternates[a], c)
		}
	}
}

// unindex forgets a contact's identifiers and alternate addresses, not its id.
func (p *people) unindex(c *contact) {
	for k := range p.by {
		if v := c.identity(k); v != "" {
			delete(p.by[k], v)
		}
	}
	for _, a := range c.alternates {
		rest := slices.DeleteFunc(p.alternates[a], func(o *contact) bool { return o == c })
		if len(rest) == 0 {
			delete(p.alternates, a)
			continue
		}
		p.alternates[a] = rest
	}
}

// search finds by a primary or an alternate e-mail.
func (p *people) search(email string) *contact {
	if c := p.by[0][email]; c != nil {
		return c
	}
	if others := p.alternates[email]; len(others) > 0 {
		return others[0]
	}
	return nil
}

// ordered is every contact that keep takes, in the order of their making.
func (p *people) ordered(keep func(*contact) bool) []*contact {
	var out []*contact
	for _, c := range p.byID {
		if keep == nil || keep(c) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *contact) int { return cmp.Compare(a.order, b.order) })
	return out
}

// create makes a contact, which is billed.
func (s *Simulator) create(email string, created, updated time.Time) *contact {
	c := &contact{id: s.id(), email: strings.Clone(email), created: created, updated: updated}
	s.billed++
	return c
}

func (s *Simulator) drop(c *contact, at time.Time) {
	for _, id := range slices.Clone(c.lists) {
		s.leave(c, id, at)
	}
	s.people.unindex(c)
	delete(s.people.byID, c.id)
}

// shape is a contact as SendGrid's answers hold it: absent texts are "", custom fields go by name.
func (s *Simulator) shape(c *contact, times string) map[string]any {
	out := map[string]any{
		"id": c.id, "email": c.email, "alternate_emails": append([]string{}, c.alternates...), "segment_ids": nil,
		"created_at": c.created.UTC().Format(times), "updated_at": c.updated.UTC().Format(times),
	}
	for i, name := range textNames {
		out[name] = c.texts[i]
	}
	lists := append([]string{}, c.lists...)
	s.shuffles.Shuffle(len(lists), func(i, j int) { lists[i], lists[j] = lists[j], lists[i] })
	out["list_ids"] = lists
	out["custom_fields"] = s.customByName(c)
	return out
}

func (s *Simulator) customByName(c *contact) map[string]any {
	custom := map[string]any{}
	for _, f := range s.fields {
		if v, ok := c.custom[f.id]; ok {
			custom[f.name] = v
		}
	}
	return custom
}
