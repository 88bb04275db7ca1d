package publish

import (
	"strings"
	"time"

	"rollcall/internal/segment"
)

// Row is one change of a membership, as it is to be published.
type Row struct {
	Segment, Profile string
	Change           segment.Change
	Attributes       []byte    // a raw JSON object; nil leaves them out; valid until the next row
	Time             time.Time // when it happened; zero is now
}

const padded = "profile_id begins or ends with white space"

// Padded reports whether a profile's id begins or ends with white space: it is another id than the one without, which
// hardly anybody means.
func Padded(profile string) bool { return strings.TrimSpace(profile) != profile }

// RowError says why a row can't be published: the consumer would set its event aside. The others go on.
type RowError struct {
	Reason segment.Reason
	Detail string // names fields, never a value
}

func (e *RowError) Error() string { return string(e.Reason) + ": " + e.Detail }
