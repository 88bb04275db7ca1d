package pipeline

import "strings"

// chosenBy reports whether a subject matches one of the filters, as the broker matches them; none is all.
func chosenBy(filters []string, subject string) bool {
	for _, filter := range filters {
		if matches(strings.Split(filter, "."), strings.Split(subject, ".")) {
			return true
		}
	}
	return len(filters) == 0
}

func matches(filter, subject []string) bool {
	for i, token := range filter {
		if token == ">" {
			return len(subject) > i
		}
		if i >= len(subject) || token != "*" && token != subject[i] {
			return false
		}
	}
	return len(filter) == len(subject)
}
