package model

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Event is one event of the stream, as whoever published it knows it.
type Event struct {
	Seq              uint64
	Kind             string // membership refreshed erased
	Segment, Profile string
	Entered          bool
	Attributes       map[string]any // nil is none
	First, Count     uint64
	Emails           []string
}

// Config is what a destination's configuration says of the list's content.
type Config struct {
	Segments []string
	Cap      int
	Mapping  string
	Omit     bool // bad values are left out, instead of refusing the contact
}

// Person is a contact as it should be on the list.
type Person struct {
	Fields map[string]string // every mapped one, "" where the profile has no value
	Bad    bool              // one of its values can't be sent: it keeps what it has, and no more
}

// mappings are the mappings that stories use, field by attribute.
var mappings = map[string]map[string]string{
	"plain":  {"first_name": "first_name", "city": "city", "tier": "tier"},
	"nick":   {"first_name": "nick", "city": "city", "tier": "tier"},
	"narrow": {"city": "city"},
	"beside": {"level": "tier"}, // of the second destination: two lists of an account share their contacts' fields
}

const longest = 50 // characters of the fields that stories make too long

// Reference is what the list should hold after these events: a page of the contract, naively.
func Reference(events []Event, c Config) map[string]Person {
	type key struct{ segment, profile string }
	latest, erased := map[key]Event{}, map[string]uint64{}
	for _, e := range events {
		switch e.Kind {
		case "membership":
			latest[key{e.Segment, e.Profile}] = e
		case "erased":
			erased[e.Profile] = e.Seq
		}
	}
	for _, r := range events {
		if r.Kind != "refreshed" || r.First > r.Seq {
			continue
		}
		seen, unread := map[string]bool{}, map[string]bool{}
		for _, e := range events {
			if e.Seq >= r.First && ((e.Kind == "membership" || e.Kind == "garbage") && e.Segment == r.Segment || e.Kind == "erased") {
				seen[e.Profile] = true
				unread[e.Profile] = unread[e.Profile] || e.Kind == "garbage"
			}
		}
		for k, e := range latest {
			if uint64(len(seen)) >= r.Count && k.segment == r.Segment && e.Seq < r.First && e.Entered && !unread[k.profile] {
				latest[k] = Event{Seq: r.Seq, Segment: k.segment, Profile: k.profile}
			}
		}
	}
	people, newest := map[string]Person{}, map[string]uint64{}
	for _, profile := range profilesOf(events) {
		in, attributes := false, Event{}
		for k, e := range latest {
			if k.profile != profile || !slices.Contains(c.Segments, k.segment) || e.Seq <= erased[profile] {
				continue
			}
			in = in || e.Entered
			if (e.Entered || len(e.Attributes) > 0) && e.Seq > attributes.Seq {
				attributes = e
			}
		}
		email, _ := attributes.Attributes["email"].(string)
		if email = identity(email); in && email != "" && attributes.Seq > newest[email] {
			newest[email] = attributes.Seq
			people[email] = person(attributes.Attributes, c)
		}
	}
	return people
}

// identity is the contact that an address names; "" where it is none.
func identity(address string) string {
	address = strings.TrimFunc(address, unicode.IsSpace)
	local, domain, _ := strings.Cut(address, "@")
	strange := func(r rune) bool {
		return r == '@' || unicode.In(r, unicode.White_Space, unicode.Cc, unicode.Cf) || r > unicode.MaxASCII && unicode.ToLower(r) <= unicode.MaxASCII
	}
	if local == "" || domain == "" || strings.ContainsFunc(local+domain, strange) {
		return ""
	}
	if address = strings.Map(unicode.ToLower, address); len(address) > 254 {
		return ""
	}
	return address
}

func person(attributes map[string]any, c Config) Person {
	p := Person{Fields: map[string]string{}}
	for field, attribute := range mappings[c.Mapping] {
		var text string
		switch v := attributes[attribute].(type) {
		case string:
			text = v
		case bool:
			text = map[bool]string{true: "true", false: "false"}[v]
		case json.Number:
			text = v.String()
		}
		if len([]rune(text)) > longest {
			text = ""
			p.Bad = p.Bad || !c.Omit
		}
		p.Fields[field] = text
	}
	return p
}

func profilesOf(events []Event) []string {
	all := map[string]bool{}
	for _, e := range events {
		all[e.Profile] = true
	}
	return slices.Sorted(maps.Keys(all))
}
