package sendgrid

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"rollcall/internal/contact"
)

// List is one contact list.
type List struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	ContactCount int    `json:"contact_count"` // lags behind by about half a minute
}

// List returns one list; its absence is an Error of class NotFound.
func (a *Account) List(ctx context.Context, id string) (List, error) {
	var l List
	err := a.do(ctx, call{route: RouteList, method: http.MethodGet, path: "/v3/marketing/lists/" + url.PathEscape(id), into: &l})
	if err == nil && l.ID == "" {
		err = malformed(RouteList, "the answer has no id")
	}
	return l, err
}

// maxPages ends a paging that does not end: an account has at most 1,000 lists and 500 fields.
const maxPages = 100

// pages calls one page after the other until there is no next one (rule 28). get asks for a page and
// returns the address of the next.
func pages(query url.Values, get func(url.Values) (next string, err error)) error {
	for range maxPages {
		next, err := get(query)
		if err != nil {
			return err
		}
		token := pageToken(next)
		if token == "" || token == query.Get("page_token") {
			return nil
		}
		query.Set("page_token", token)
	}
	return nil
}

// Lists returns every list of the account.
func (a *Account) Lists(ctx context.Context) ([]List, error) {
	var all []List
	err := pages(url.Values{"page_size": {"1000"}}, func(query url.Values) (string, error) {
		var page struct {
			Result   *[]List  `json:"result"`
			Metadata metadata `json:"_metadata"`
		}
		err := a.do(ctx, call{route: RouteLists, method: http.MethodGet, path: "/v3/marketing/lists", query: query, into: &page})
		if err == nil && page.Result == nil {
			err = malformed(RouteLists, "the answer has no result")
		}
		if err != nil {
			return "", err
		}
		all = append(all, *page.Result...)
		return page.Metadata.Next, nil
	})
	return all, err
}

type metadata struct {
	Next string `json:"next"`
}

func pageToken(next string) string {
	u, err := url.Parse(next)
	if err != nil {
		return ""
	}
	return u.Query().Get("page_token")
}

// FieldDefinition is a custom field of the account.
type FieldDefinition struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"field_type"` // Text, Number or Date
}

// FieldDefinitions returns the account's custom fields; SendGrid leaves the key out where there are none
// (rule 14).
func (a *Account) FieldDefinitions(ctx context.Context) ([]FieldDefinition, error) {
	var all []FieldDefinition
	err := pages(url.Values{}, func(query url.Values) (string, error) {
		var page struct {
			Custom   *[]FieldDefinition `json:"custom_fields"`
			Reserved json.RawMessage    `json:"reserved_fields"`
			Metadata metadata           `json:"_metadata"`
		}
		err := a.do(ctx, call{route: RouteFields, method: http.MethodGet, path: "/v3/marketing/field_definitions", query: query, into: &page})
		switch {
		case err != nil:
			return "", err
		case page.Custom != nil:
			all = append(all, *page.Custom...)
		case page.Reserved == nil:
			return "", malformed(RouteFields, "the answer has no fields at all")
		}
		return page.Metadata.Next, nil
	})
	return all, err
}

// Scopes returns what the key may do: the safest way to try a key.
func (a *Account) Scopes(ctx context.Context) ([]string, error) {
	var answer struct {
		Scopes []string `json:"scopes"`
	}
	err := a.do(ctx, call{route: RouteScopes, method: http.MethodGet, path: "/v3/scopes", into: &answer})
	if err == nil && answer.Scopes == nil {
		err = malformed(RouteScopes, "the answer has no scopes")
	}
	return answer.Scopes, err
}

// Counts is how many contacts an account has, and how many it is billed for this month.
type Counts struct {
	Contacts int `json:"contact_count"`
	Billable int `json:"billable_count"` // leaving a list, or the account, does not lower it
}

// Counts asks for the account's counts.
func (a *Account) Counts(ctx context.Context) (Counts, error) {
	var c struct {
		Contacts *int `json:"contact_count"`
		Billable int  `json:"billable_count"`
	}
	err := a.do(ctx, call{route: RouteCount, method: http.MethodGet, path: "/v3/marketing/contacts/count", into: &c})
	if err == nil && c.Contacts == nil {
		err = malformed(RouteCount, "the answer has no count")
	}
	if err != nil {
		return Counts{}, err
	}
	return Counts{*c.Contacts, c.Billable}, nil
}

// Suppressed reports whether an address has unsubscribed globally. Rollcall never changes that.
func (a *Account) Suppressed(ctx context.Context, email string) (bool, error) {
	var answer struct {
		Email string `json:"recipient_email"`
	}
	err := a.do(ctx, call{
		route: RouteSuppression, method: http.MethodGet, path: "/v3/asm/suppressions/global/" + url.PathEscape(email), into: &answer,
	})
	return err == nil && contact.Spelling(answer.Email) == contact.Spelling(email), err
}
