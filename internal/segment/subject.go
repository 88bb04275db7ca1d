package segment

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// The first two tokens of the subjects.
const (
	prefixMembership = "segments.membership."
	prefixRefreshed  = "segments.refreshed."
	prefixErased     = "segments.erased."
)

// ValidToken reports whether s can stand in a subject as it is: 1 to 64 letters, digits, _ and -.
func ValidToken(s []byte) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for _, c := range s {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// ProfileKey appends the profile's subject key: its id where that can stand in a subject, else ~ and the
// first 32 hex digits of its SHA-256. No id begins with ~ and stands as it is, so that nobody can be
// named like another's hash (hazard H27).
func ProfileKey(dst, profile []byte) []byte {
	if ValidToken(profile) {
		return append(dst, profile...)
	}
	sum := sha256.Sum256(profile)
	return hex.AppendEncode(append(dst, '~'), sum[:16])
}

// MembershipSubject returns the subject of a membership's events, in the keyed or the unkeyed form.
func MembershipSubject(keyed bool, segmentID, profile string) string {
	if !keyed {
		return prefixMembership + segmentID
	}
	return string(ProfileKey([]byte(prefixMembership+segmentID+"."), []byte(profile)))
}

// RefreshedSubject returns the subject of a refresh.
func RefreshedSubject(segmentID string, first uint64) string {
	return prefixRefreshed + segmentID + "." + strconv.FormatUint(first, 10)
}

// ErasedSubject returns the subject of an erasure.
func ErasedSubject(profile string) string {
	return string(ProfileKey([]byte(prefixErased), []byte(profile)))
}

// Subject is what a subject says of its event.
type Subject struct {
	Kind       Kind
	Keyed      bool   // of a membership: it names a profile
	Segment    string // "" of an erasure
	ProfileKey string
	First      string // of a refresh
}

// ParseSubject reads a subject; Kind is Unknown where it is none of ours.
func ParseSubject(s string) Subject {
	switch {
	case strings.HasPrefix(s, prefixMembership):
		segmentID, key, keyed := strings.Cut(s[len(prefixMembership):], ".")
		return Subject{Kind: Membership, Keyed: keyed, Segment: segmentID, ProfileKey: key}
	case strings.HasPrefix(s, prefixRefreshed):
		segmentID, first, _ := strings.Cut(s[len(prefixRefreshed):], ".")
		return Subject{Kind: Refreshed, Segment: segmentID, First: first}
	case strings.HasPrefix(s, prefixErased):
		return Subject{Kind: Erased, ProfileKey: s[len(prefixErased):]}
	}
	return Subject{}
}
