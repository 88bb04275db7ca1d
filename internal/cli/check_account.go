package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/internal/config"
	"rollcall/internal/sendgrid"
)

// marketingScope is what a key needs for lists and contacts, as far as SendGrid says.
const marketingScope = "marketing.read"

// checkAccount looks at an account as its key shows it: key, scopes, lists, custom fields. It changes
// nothing there.
func checkAccount(ctx context.Context, found *findings, cfg *config.Config, account *config.Account) {
	what := "account " + account.ID
	client, err := sendgrid.New(sendgrid.Options{
		BaseURL: account.BaseURL, OnBehalfOf: account.OnBehalfOf, Key: account.Key().Value, ClockScale: account.ClockScale,
	})
	if err != nil {
		found.fail(what, "base_url", err)
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
	if len(scopes) > 0 && !slices.Contains(scopes, marketingScope) {
		found.add(warning, what, "scopes", "the key does not have "+marketingScope).
			Help = "give the key full access to Marketing at SendGrid"
	}
	fields, err := client.FieldDefinitions(ctx)
	if err != nil {
		found.fail(what, "custom fields", err)
	}
	for i := range cfg.Destinations {
		if d := &cfg.Destinations[i]; d.Account == account.ID {
			checkList(ctx, found, client, d)
			checkFields(found, fields, d, err == nil)
		}
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
		found.fail(what, "list", err).Help = "list_id has to name a list of this account: make it at SendGrid, and copy its id"
		return
	}
	found.add(passed, what, "list", fmt.Sprintf("%q, %s contacts", list.Name, count(list.ContactCount)))
}

// checkFields looks whether the account has the custom fields that a mapping names, whatever their case.
func checkFields(found *findings, have []sendgrid.FieldDefinition, d *config.Destination, known bool) {
	what := "destination " + d.ID
	if !known {
		return
	}
	var missing []string
	for _, field := range d.Mapping.Mapped() {
		there := slices.ContainsFunc(have, func(f sendgrid.FieldDefinition) bool { return strings.EqualFold(f.Name, field.Name) })
		if field.Custom && !there {
			missing = append(missing, field.Name)
		}
	}
	if len(missing) > 0 {
		found.add(failed, what, "fields", "the account has no custom field "+strings.Join(missing, ", ")).
			Help = "make it at SendGrid, or take it out of mapping.custom_fields"
		return
	}
	found.add(passed, what, "fields", fmt.Sprintf("%d mapped", len(d.Mapping.Mapped())+1))
}
