package sendgrid

import (
	"context"
	"errors"
	"net/http"
	"strconv"
)

// RefusedError says that look-ups refuse some e-mails by themselves, with bodies of SendGrid's own shape. What it
// means for them is not known: they may be in the account all the same.
type RefusedError struct {
	Emails   []string // as they were asked; never printed
	last     *Error
	answered bool // another e-mail's look-up was answered
}

// Error names how many there are, and what SendGrid says of the last.
func (e *RefusedError) Error() string {
	return strconv.Itoa(len(e.Emails)) + " of the e-mails are refused by themselves: " + e.last.Error()
}

// Unwrap returns what SendGrid said of the last one.
func (e *RefusedError) Unwrap() error { return e.last }

// mostAlone is how many e-mails in a row may be refused by themselves before any other is answered: if SendGrid
// refuses every one, the request is at fault and not its e-mails.
const mostAlone = 8

// halve looks e-mails up, in halves where SendGrid refuses them together, and notes which are refused by themselves.
// k of n cost at most 2k(log2(n/k)+2) requests.
func (a *Account) halve(ctx context.Context, c call, key string, emails []string, found map[string]Found, alone *RefusedError) error {
	err := a.lookup(ctx, c, key, emails, found)
	var e *Error
	switch {
	case err == nil:
		alone.answered = true
		return nil
	case !errors.As(err, &e) || e.Status != http.StatusBadRequest || !e.shaped:
		return err
	case len(emails) == 1 && !alone.answered && len(alone.Emails) == mostAlone:
		return err
	case len(emails) == 1:
		alone.Emails, alone.last = append(alone.Emails, emails[0]), e
		return nil
	}
	half := len(emails) / 2
	if err := a.halve(ctx, c, key, emails[:half], found, alone); err != nil {
		return err
	}
	return a.halve(ctx, c, key, emails[half:], found, alone)
}
