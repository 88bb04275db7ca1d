package class

import "strings"

// Complaint is what SendGrid's words about one contact mean, in a 400 or in a job's error file. It says nothing else of a
// contact than these words, which its documents don't list: sendgrid-go's issue 413 has the first, its update rule the second.
type Complaint uint8

// The complaints.
const (
	Unfit           Complaint = iota // the contact itself, as it was sent
	PlanFull                         // the account's plan takes no more contacts
	OtherIdentifier                  // the contact has an identifier that the request did not name
)

// Complains reads SendGrid's words.
func Complains(message string) Complaint {
	words := strings.ToLower(message)
	switch {
	case strings.Contains(words, "contact limit"):
		return PlanFull
	case strings.Contains(words, "identifier"):
		return OtherIdentifier
	}
	return Unfit
}
