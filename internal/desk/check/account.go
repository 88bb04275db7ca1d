package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"rollcall/internal/config"
	"rollcall/internal/people"
	"rollcall/internal/sendgrid"
)

// marketingScope is what a key needs for lists and contacts, as far as SendGrid says.
const marketingScope = "marketing.read"

// Account looks at an account as its key shows it: key, scopes, counts, clock, and the lists and custom fields of its
// destinations.
func Account(ctx context.Context, found *Findings, cfg *config.Config, account *config.Account) {
	what := "account " + account.ID
	if _, err := account.Key().Value(); err != nil {
		found.Fail(what, "key", err) // it says itself what to do, and that nobody was asked
		return
	}
	watch := &dateWatch{next: &http.Transport{Proxy: http.ProxyFromEnvironment}}
	defer watch.next.CloseIdleConnections()
	client, err := sendgrid.New(sendgrid.Options{
		BaseURL: account.BaseURL, OnBehalfOf: account.OnBehalfOf, Key: account.Key().Value, ClockScale: account.ClockScale, Transport: watch,
	})
	if err != nil {
		found.Fail(what, "base_url", err).Help = "correct accounts[].base_url"
		return
	}
	ctx, cancel := context.WithTimeout(ctx, account.RequestTimeout)
	defer cancel()
	scopes, err := client.Scopes(ctx)
	if err != nil {
		found.Fail(what, "key", err).Help = keyHelp(err)
		return
	}
	found.Add(Passed, what, "key", fmt.Sprintf("SendGrid takes it at %s; it has %s", account.BaseURL, people.Of(len(scopes), "scope")))
	if slices.Contains(scopes, marketingScope) {
		found.Add(Passed, what, "scopes", "it has "+marketingScope)
	} else {
		found.Add(Warning, what, "scopes", "the key does not have "+marketingScope).
			Help = "give the key full access to Marketing at SendGrid"
	}
	watch.judge(found, what)
	filling(ctx, found, client, account)
	fields, err := client.FieldDefinitions(ctx)
	if err != nil {
		found.Fail(what, "custom fields", err).Help = keyHelp(err)
	}
	for i := range cfg.Destinations {
		if d := &cfg.Destinations[i]; d.Account == account.ID {
			list(ctx, found, client, d)
			if err == nil {
				customFields(found, fields, d)
			}
		}
	}
}

// filling compares what the account holds with the most that it should.
func filling(ctx context.Context, found *Findings, client *sendgrid.Account, account *config.Account) {
	what := "account " + account.ID
	counts, err := client.Counts(ctx)
	switch {
	case err != nil:
		found.Fail(what, "caps", err).Help = keyHelp(err)
	case account.ProfileCap == 0:
		found.Add(Passed, what, "caps", fmt.Sprintf("%s, %s billable; no profile_cap is set for the account", people.Of(counts.Contacts, "contact"), count(counts.Billable)))
	case int64(counts.Contacts) > account.ProfileCap:
		found.Add(Warning, what, "caps", fmt.Sprintf("%s contacts are above its profile_cap of %s", count(counts.Contacts), count(account.ProfileCap))).
			Help = "the cap bounds what Rollcall lists, not what others put there: raise it to what the plan allows, or delete contacts at SendGrid"
	default:
		found.Add(Passed, what, "caps", fmt.Sprintf("%s, %s billable, of %s", people.Of(counts.Contacts, "contact"), count(counts.Billable), count(account.ProfileCap)))
	}
}

func keyHelp(err error) string {
	if answer, ok := errors.AsType[*sendgrid.Error](err); ok {
		switch answer.Class {
		case sendgrid.Unauthorized:
			return "put a valid key where api_key or api_key_file reads it"
		case sendgrid.Forbidden:
			return "give the key the scopes of Marketing, and allow this address in SendGrid's IP access list"
		default: // the route to it is at fault, not the key
		}
	}
	return "is base_url right, and can this machine reach it?"
}

// theLists names a few lists of the account, so that nobody has to look for an id.
func theLists(ctx context.Context, client SendGrid) string {
	const few = 5
	lists, err := client.Lists(ctx)
	if err != nil || len(lists) == 0 {
		return "make one at SendGrid, and copy its id"
	}
	var names []string
	for _, list := range lists[:min(len(lists), few)] {
		names = append(names, fmt.Sprintf("%q is %s", list.Name, list.ID))
	}
	if len(lists) > few {
		names = append(names, fmt.Sprintf("and %d more", len(lists)-few))
	}
	return strings.Join(names, ", ")
}
