package simulator

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Request is one line of the request log.
type Request struct {
	At       time.Time `json:"at"` // simulated
	Route    string    `json:"route"`
	Status   int       `json:"status"` // 0 where the connection went before
	Contacts int       `json:"contacts,omitempty"`
	Bytes    int       `json:"bytes,omitempty"`
}

const requestsKept = 10000

// requestLog counts every request and keeps the last ones.
type requestLog struct {
	counts   map[string]int // route and class, for example "PUT contacts 2xx"
	routes   map[string]int
	upserted int
	served   uint64
	last     []Request
	open     Request
}

func (l *requestLog) begin(at time.Time, route string) { l.open = Request{At: at, Route: route} }

func (l *requestLog) contacts(n, bytes int) { l.open.Contacts, l.open.Bytes = n, bytes }

func (l *requestLog) end(status int) {
	if l.counts == nil {
		l.counts, l.routes = map[string]int{}, map[string]int{}
	}
	l.open.Status = status
	l.served++
	l.routes[l.open.Route]++
	l.counts[l.open.Route+" "+string(rune('0'+status/100))+"xx"]++
	l.upserted += l.open.Contacts
	if len(l.last) == requestsKept {
		l.last = l.last[1:]
	}
	l.last = append(l.last, l.open)
}

// Contact is a contact as it truly stands.
type Contact struct {
	ID     string            `json:"id"`
	Email  string            `json:"email"`
	Lists  []string          `json:"lists"`
	Fields map[string]string `json:"fields"` // values that are not ""; custom fields by name
}

// Contacts calls visit with every contact of a list, or of the account where listID is empty, in the order
// of their making.
func (s *Simulator) Contacts(listID string, visit func(Contact)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	for _, c := range s.people.ordered(func(c *contact) bool { return listID == "" || contains(c.lists, listID) }) {
		visit(s.truth(c))
	}
}

func (s *Simulator) truth(c *contact) Contact {
	out := Contact{ID: c.id, Email: c.email, Lists: slices.Clone(c.lists), Fields: map[string]string{}}
	for i, name := range textNames {
		if c.texts[i] != "" {
			out.Fields[name] = c.texts[i]
		}
	}
	for _, f := range s.fields {
		if v := textOf(c.custom[f.id]); v != "" {
			out.Fields[f.name] = v
		}
	}
	return out
}

// Summary is the simulator's numbers.
type Summary struct {
	Contacts int            `json:"contacts"`
	Billed   int            `json:"billed"`
	Lists    map[string]int `json:"lists"` // contacts by list id
	Pending  int            `json:"pending_jobs"`
	Requests map[string]int `json:"requests"` // by route
	Answers  map[string]int `json:"answers"`  // by route and class
	Upserted int            `json:"contacts_sent"`
	Held     int            `json:"held"`   // requests that a fault holds
	Struck   map[string]int `json:"struck"` // requests and jobs, by the kind of fault
	Now      time.Time      `json:"now"`
}

// Summary returns the numbers now.
func (s *Simulator) Summary() Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	out := Summary{
		Contacts: s.people.count(), Billed: s.billed, Lists: map[string]int{}, Pending: len(s.queue),
		Requests: map[string]int{}, Answers: map[string]int{}, Upserted: s.log.upserted, Held: s.held, Now: s.now(),
	}
	for id, l := range s.lists {
		out.Lists[id] = l.count
	}
	out.Struck = maps.Clone(s.struck)
	maps.Copy(out.Requests, s.log.routes)
	maps.Copy(out.Answers, s.log.counts)
	return out
}

// History returns every applied change of a list's members, in order.
func (s *Simulator) History(listID string) []Membership {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	var out []Membership
	for _, m := range s.history {
		if m.List == listID {
			out = append(out, m)
		}
	}
	return out
}

// Alter changes a contact behind everybody's back, for tests of audits: fields set, joined to a list or
// taken off it. A contact that does not exist is made.
func (s *Simulator) Alter(email, listID string, on bool, fields map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	now := s.now()
	email = strings.ToLower(email)
	c := s.people.email(email)
	if c == nil {
		c = s.create(email, now, now)
		s.people.index(c)
	}
	for name, v := range fields {
		if i := slices.Index(textNames[:], name); i >= 0 && i < firstIdentity {
			c.texts[i] = v
		}
	}
	if on {
		s.join(c, listID, now)
	} else {
		s.leave(c, listID, now)
	}
}
