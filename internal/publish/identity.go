package publish

import (
	"crypto/sha256"
	"encoding/hex"

	"rollcall/internal/contact"
	"rollcall/internal/segment"
)

// IDFromEmail is the profile id that stands for an address where an engine has no ids of its own: the SHA-256 of the address as it is
// normalised, in 64 hexadecimal digits. It is no secret: whoever has an address can make its id.
func IDFromEmail(address []byte) (string, *RowError) {
	if len(address) == 0 {
		return "", &RowError{segment.ReasonNoEmail, "there is no e-mail to make a profile id from"}
	}
	normalised, ok := contact.Normalize(nil, address)
	if !ok {
		return "", &RowError{segment.ReasonInvalidEmail, "the e-mail that a profile id is made from is not valid"}
	}
	sum := sha256.Sum256(normalised)
	return hex.EncodeToString(sum[:]), nil
}
