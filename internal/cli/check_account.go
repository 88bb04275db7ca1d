package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"rollcall/internal/config"
	"rollcall/internal/sendgrid"
)

// marketingScope is what a key needs for lists and contacts, as far as SendGrid says.
const marketingScope = "marketing.read"

// checkAccount looks at an account as its key shows it: key, scopes, counts, lists, custom fields, clock. It
// changes nothing there.
func checkAccount(ctx context.Context, found *findings, cfg *config.Config, account *config.Account) {
	what := "account " + account.ID
	watch := &dateWatch{next: &http.Transport{Proxy: http.ProxyFromEnvironment}}
	defer watch.next.CloseIdleConnections()
	client, err := sendgrid.New(sendgrid.Options{
		BaseURL: account.BaseURL, OnBehalfOf: account.OnBehalfOf, Key: account.Key().Value, ClockScale: account.ClockScale, Transport: watch,
	})
	if err != nil {
		found.fail(what, "base_url", err).Help = "correct accounts[].base_url"
		return
	}
	ctx, cancel := context.WithTimeout(ctx, account.RequestTimeout)
	defer cancel()
	scopes, err := client.Scopes(ctx)
	if err != nil {
		found.fail(what, "key", err).Help = keyHelp(err)
		return
	}
	found.add(passed, what, "key", fmt.Sprintf("SendGrid takes it at %s; it has %d scopes", account.BaseURL, len(scopes)))
	if slices.Contains(scopes, marketingScope) {
		found.add(passed, what, "scopes", "it has "+marketingScope)
	} else {
		found.add(warning, what, "scopes", "the key does not have "+marketingScope).
			Help = "give the key full access to Marketing at SendGrid"
	}
	watch.judge(found, what)
	checkCounts(ctx, found, client, account)
	fields, err := client.FieldDefinitions(ctx)
	if err != nil {
		found.fail(what, "custom fields", err).Help = keyHelp(err)
	}
	for i := range cfg.Destinations {
		if d := &cfg.Destinations[i]; d.Account == account.ID {
			checkList(ctx, found, client, d)
			if err == nil {
				checkFields(found, fields, d)
			}
		}
	}
}

// checkCounts compares what the account holds with the most that it should.
func checkCounts(ctx context.Context, found *findings, client *sendgrid.Account, account *config.Account) {
	what := "account " + account.ID
	counts, err := client.Counts(ctx)
	switch {
	case err != nil:
		found.fail(what, "caps", err).Help = keyHelp(err)
	case account.ProfileCap == 0:
		found.add(passed, what, "caps", fmt.Sprintf("%s contacts, %s billable; no profile_cap is set for the account", count(counts.Contacts), count(counts.Billable)))
	case int64(counts.Contacts) > account.ProfileCap:
		found.add(warning, what, "caps", fmt.Sprintf("%s contacts are above its profile_cap of %s", count(counts.Contacts), count(account.ProfileCap))).
			Help = "the cap bounds what Rollcall lists, not what others put there: raise it to what the plan allows, or delete contacts at SendGrid"
	default:
		found.add(passed, what, "caps", fmt.Sprintf("%s contacts, %s billable, of %s", count(counts.Contacts), count(counts.Billable), count(account.ProfileCap)))
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

func checkList(ctx context.Context, found *findings, client *sendgrid.Account, d *config.Destination) {
	what := "destination " + d.ID
	list, err := client.List(ctx, d.ListID)
	if err != nil {
		one := found.fail(what, "list", err)
		answer, ok := errors.AsType[*sendgrid.Error](err)
		if one.Help = keyHelp(err); ok && answer.Class == sendgrid.NotFound {
			one.Help = "destinations[].list_id has to name a list of this account: " + theLists(ctx, client)
		}
		return
	}
	found.add(passed, what, "list", fmt.Sprintf("%q, %s contacts, of %s", list.Name, count(list.ContactCount), capOf(d.ProfileCap)))
}

func capOf(limit int64) string {
	if limit == 0 {
		return "any number"
	}
	return count(limit)
}

// theLists names a few lists of the account, so that nobody has to look for an id.
func theLists(ctx context.Context, client *sendgrid.Account) string {
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

// checkFields looks whether the account has the custom fields that a mapping names, whatever their case, and
// with a type that can be written.
func checkFields(found *findings, have []sendgrid.FieldDefinition, d *config.Destination) {
	what := "destination " + d.ID
	mapped, missing, types := d.Mapping.Mapped(), []string(nil), []string(nil)
	for _, field := range mapped {
		if !field.Custom {
			continue
		}
		at := slices.IndexFunc(have, func(f sendgrid.FieldDefinition) bool { return strings.EqualFold(f.Name, field.Name) })
		switch {
		case at < 0:
			missing = append(missing, field.Name)
		case !slices.Contains([]string{"Text", "Number", "Date"}, have[at].Type):
			found.add(failed, what, "fields", fmt.Sprintf("custom field %s has type %s", field.Name, have[at].Type)).
				Help = "Rollcall writes fields of type Text, Number and Date: take it out of mapping.custom_fields"
		default:
			types = append(types, field.Name+" "+have[at].Type)
		}
	}
	if len(missing) > 0 {
		found.add(failed, what, "fields", "the account has no custom field "+strings.Join(missing, ", ")).
			Help = "make it at SendGrid, or take it out of mapping.custom_fields; the account has " + theFields(have)
		return
	}
	found.add(passed, what, "fields", strings.Join(append([]string{fmt.Sprintf("%d mapped", len(mapped)+1)}, types...), ", "))
}

func theFields(have []sendgrid.FieldDefinition) string {
	var names []string
	for _, field := range have {
		names = append(names, field.Name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
