package sendgrid

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"rollcall/internal/contact"
)

// Limits of the look-ups: e-mails a call, and characters of an e-mail on the one route; longer ones go
// by the other.
const (
	maxLookup      = 100
	maxLookupEmail = 100
)

// Found is a contact as SendGrid shows it.
type Found struct {
	ID     string
	Email  string
	Lists  []string
	Fields map[string]any // as SendGrid's answer holds them, custom fields under custom_fields
}

// Lookup finds contacts by e-mail. The keys of the answer are the e-mails as they were asked; one that
// is missing was not found. A contact counts only where its primary e-mail is the one asked for:
// look-ups also match strangers' alternate addresses (hazard H8). SendGrid refuses a look-up whole if one of its
// e-mails is malformed: it is halved until such an e-mail is alone (hazard H31). If there are any, the error is a
// *RefusedError, and the answer holds what the others' look-ups found.
func (a *Account) Lookup(ctx context.Context, emails []string) (map[string]Found, error) {
	found, alone := make(map[string]Found, len(emails)), &RefusedError{}
	var short, long []string
	for _, e := range emails {
		if utf8.RuneCountInString(e) > maxLookupEmail {
			long = append(long, e)
		} else {
			short = append(short, e)
		}
	}
	for _, way := range []struct {
		route  Route
		path   string
		key    string
		emails []string
	}{
		{RouteEmails, "/v3/marketing/contacts/search/emails", "emails", short},
		{RouteIdentifiers, "/v3/marketing/contacts/search/identifiers/email", "identifiers", long},
	} {
		for rest := way.emails; len(rest) > 0; {
			n := min(len(rest), maxLookup)
			c := call{route: way.route, method: http.MethodPost, path: way.path}
			if err := a.halve(ctx, c, way.key, rest[:n], found, alone); err != nil {
				return nil, err
			}
			rest = rest[n:]
		}
	}
	if len(alone.Emails) > 0 {
		return found, alone
	}
	return found, nil
}

// stored is how SendGrid stores an e-mail that we sent it: also one of which an earlier rule of ours made no identity.
func stored(email string) string { return strings.ToLower(email) }

func (a *Account) lookup(ctx context.Context, c call, key string, emails []string, found map[string]Found) error {
	var err error
	if c.body, err = json.Marshal(map[string][]string{key: emails}); err != nil {
		return err
	}
	var answer struct {
		Result map[string]struct {
			Contact json.RawMessage `json:"contact"`
			Error   string          `json:"error"`
		} `json:"result"`
	}
	c.into = &answer
	if err := a.do(ctx, c); err != nil {
		var e *Error
		if errors.As(err, &e) && e.Class == NotFound {
			return nil // SendGrid's own 404: none of these exists
		}
		return err
	}
	if answer.Result == nil {
		return malformed(c.route, "the answer has no result")
	}
	asked := make(map[string]string, len(emails))
	for _, e := range emails {
		asked[stored(e)] = e
	}
	for _, r := range answer.Result {
		if len(r.Contact) == 0 || string(r.Contact) == "null" {
			continue
		}
		var one struct {
			ID    string   `json:"id"`
			Email string   `json:"email"`
			Lists []string `json:"list_ids"`
		}
		if err := json.Unmarshal(r.Contact, &one); err != nil || one.ID == "" {
			return malformed(c.route, "a contact of the answer has no id")
		}
		if e, ok := asked[contact.Spelling(one.Email)]; ok {
			f := Found{ID: one.ID, Email: one.Email, Lists: one.Lists}
			_ = json.Unmarshal(r.Contact, &f.Fields)
			found[e] = f
		}
	}
	return nil
}
