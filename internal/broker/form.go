package broker

import "strings"

// The two forms of membership subjects: four tokens on a keyed stream, three on an unkeyed one.
const (
	keyedMembership   = "segments.membership.*.*"
	unkeyedMembership = "segments.membership.*"
	refreshedSubjects = "segments.refreshed.*.*"
	erasedSubjects    = "segments.erased.*"
)

// EventSubjects are the subjects of a keyed event stream.
func EventSubjects() []string { return []string{keyedMembership, refreshedSubjects, erasedSubjects} }

// EventFilters cover every event of Rollcall's, of a keyed stream and of an unkeyed one.
func EventFilters() []string {
	return []string{"segments.membership.>", "segments.refreshed.>", "segments.erased.>"}
}

// overlaps reports whether some subject matches both patterns.
func overlaps(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; ; i++ {
		switch {
		case i == len(as) && i == len(bs):
			return true
		case i == len(as) || i == len(bs):
			return false
		case as[i] == ">" || bs[i] == ">":
			return true
		case as[i] != "*" && bs[i] != "*" && as[i] != bs[i]:
			return false
		}
	}
}

// covers reports whether every subject that matches inner matches outer.
func covers(outer, inner string) bool {
	os, is := strings.Split(outer, "."), strings.Split(inner, ".")
	for i, o := range os {
		if o == ">" {
			return i < len(is)
		}
		if i == len(is) || is[i] == ">" || (o != "*" && (is[i] == "*" || is[i] != o)) {
			return false
		}
	}
	return len(os) == len(is)
}

func anyOverlaps(patterns []string, with string) bool {
	for _, p := range patterns {
		if overlaps(p, with) {
			return true
		}
	}
	return false
}

func anyCovers(patterns []string, inner string) bool {
	for _, p := range patterns {
		if covers(p, inner) {
			return true
		}
	}
	return false
}

// allCovered reports whether each subject is within one of the patterns.
func allCovered(patterns, subjects []string) bool {
	for _, s := range subjects {
		if !anyCovers(patterns, s) {
			return false
		}
	}
	return len(subjects) > 0
}
