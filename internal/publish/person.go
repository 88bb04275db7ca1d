package publish

import (
	"strconv"

	"rollcall/internal/segment"
)

// person is one made-up profile, as it stands after the rounds that it lived through.
type person struct {
	number            int
	id                string
	first, last       string
	mailName, mailbox string // the first part of its own addresses; the address that it came with
	place             place
	noCity, capitals  bool
	points            int
	year, month, day  int // when it joined
	bad               int // how the e-mail that it came with is unusable; 0 is not at all

	in      uint64 // segments, by their index
	address int    // how often its e-mail changed
	version int    // how often its other attributes did
}

type place struct{ country, city, postal string }

var (
	firstNames = []string{"Ada", "Alan", "Grace", "Katherine", "Edsger", "Barbara", "Donald", "Frances", "Jürgen", "Zoë", "Łukasz", "Annie", "Tim", "Radia", "José", "Mária"}
	mailNames  = []string{"ada", "alan", "grace", "katherine", "edsger", "barbara", "donald", "frances", "juergen", "zoe", "lukasz", "annie", "tim", "radia", "jose", "maria"}
	lastNames  = []string{"Lovelace", "Turing", "Hopper", "Johnson", "Dijkstra", "Liskov", "Knuth", "Allen", "Müller", "O'Neill", "Kowalski", "Easley", "Lee", "Perlman", "García", "Telkes"}
	domains    = []string{"example.com", "example.org", "example.net", "mail.example.com"}
	tiers      = []string{"bronze", "silver", "gold", "platinum"}
	places     = []place{
		{"GB", "London", "EC1A 1BB"},
		{"DE", "Köln", "50667"},
		{"FR", "Lyon", "69001"},
		{"PL", "Łódź", "90-001"},
		{"US", "New York", "10001"},
		{"ES", "Málaga", "29001"},
		{"CH", "Zürich", "8001"},
		{"BR", "São Paulo", "01000-000"},
	}
)

// The ways in which an e-mail is unusable.
const (
	badAbsent = 1 + iota
	badEmpty
	badNull
	badSpace
	badNoAt
	badKinds = iota
)

// person is a profile as it comes.
func (g *generator) person(number int) person {
	d := dice{g.Seed, uint64(number)}
	name := d.below(len(firstNames)) // mailbox rolls the same first
	p := person{
		number: number, first: firstNames[name], mailName: mailNames[name], last: lastNames[d.below(len(lastNames))],
		place: places[d.below(len(places))], noCity: d.chance(0.05), capitals: d.chance(capitalsShare),
		points: d.below(100_000), year: 2015 + d.below(11), month: 1 + d.below(12), day: 1 + d.below(28),
	}
	p.id = profileID(number, d.chance(oddIDShare))
	if kind := 1 + d.below(badKinds); d.chance(g.BadEmails) {
		p.bad = kind
	}
	if d.chance(sharedShare) && number > 0 {
		number-- // it has the e-mail of the profile before it
	}
	p.mailbox = g.mailbox(number)
	return p
}

func (g *generator) mailbox(number int) string {
	d := dice{g.Seed, uint64(number)}
	return mailNames[d.below(len(mailNames))] + "." + strconv.Itoa(number) + "@" + domains[number%len(domains)]
}

// profileID is a profile's id. A few can't stand in a subject as they are.
func profileID(number int, odd bool) string {
	prefix, digits := "p", strconv.Itoa(number)
	if odd {
		prefix = "p/"
	}
	return prefix + "0000000"[:max(0, 7-len(digits))] + digits
}

func (p *person) appendAttributes(dst []byte) []byte {
	dst = p.appendEmail(append(dst, '{'))
	dst = segment.AppendQuoted(append(dst, `"first_name":`...), []byte(p.first))
	dst = segment.AppendQuoted(append(dst, `,"last_name":`...), []byte(p.last))
	dst = segment.AppendQuoted(append(dst, `,"country":`...), []byte(p.place.country))
	if !p.noCity {
		dst = segment.AppendQuoted(append(dst, `,"city":`...), []byte(p.place.city))
	}
	dst = segment.AppendQuoted(append(dst, `,"postal_code":`...), []byte(p.place.postal))
	dst = segment.AppendQuoted(append(dst, `,"tier":`...), []byte(tiers[(p.month+p.version)%len(tiers)]))
	dst = strconv.AppendInt(append(dst, `,"points":`...), int64(p.points+250*p.version), 10)
	dst = strconv.AppendInt(append(dst, `,"joined":"`...), int64(p.year), 10)
	for _, n := range [2]int{p.month, p.day} {
		dst = append(dst, '-', byte('0'+n/10), byte('0'+n%10))
	}
	return append(dst, '"', '}')
}

// appendEmail appends the member and a comma, or nothing. A new address heals a bad one.
func (p *person) appendEmail(dst []byte) []byte {
	if p.address == 0 && p.bad == badAbsent {
		return dst
	}
	dst = append(dst, `"email":`...)
	at := len(dst) + 1
	switch {
	case p.address > 0:
		dst = strconv.AppendInt(append(append(append(dst, '"'), p.mailName...), '.'), int64(p.number), 10)
		dst = strconv.AppendInt(append(dst, '.'), int64(p.address), 10)
		dst = append(dst, `@example.com"`...)
	case p.bad == badEmpty:
		dst = append(dst, `""`...)
	case p.bad == badNull:
		dst = append(dst, `null`...)
	case p.bad == badSpace:
		dst = append(strconv.AppendInt(append(dst, `"no address `...), int64(p.number), 10), `@example.com"`...)
	case p.bad == badNoAt:
		dst = append(strconv.AppendInt(append(dst, `"nobody.`...), int64(p.number), 10), `.example.com"`...)
	default:
		dst = append(append(append(dst, '"'), p.mailbox...), '"')
	}
	if p.capitals && 'a' <= dst[at] && dst[at] <= 'z' && dst[at-1] == '"' {
		dst[at] -= 'a' - 'A'
	}
	return append(dst, ',')
}
