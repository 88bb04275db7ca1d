package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/internal/config"
	"rollcall/internal/people"
	"rollcall/internal/sendgrid"
)

// SendGrid is what is asked of an account: reads alone.
type SendGrid interface {
	List(ctx context.Context, id string) (sendgrid.List, error)
	Lists(ctx context.Context) ([]sendgrid.List, error)
	FieldDefinitions(ctx context.Context) ([]sendgrid.FieldDefinition, error)
}

// First looks at a destination's list and custom fields as `run` does before the destination's first request, and
// returns what is wrong with it; nil is nothing. A finding without a reason passes by itself, as an outage does.
func First(ctx context.Context, client SendGrid, d *config.Destination) *Finding {
	found := &Findings{}
	list(ctx, found, client, d)
	if slices.ContainsFunc(d.Mapping.Mapped(), custom) && found.Count(Failed) == 0 {
		if fields, err := client.FieldDefinitions(ctx); err != nil {
			found.Fail(about(d), "fields", err)
		} else {
			customFields(found, fields, d)
		}
	}
	for i := range found.All {
		if found.All[i].Verdict == Failed {
			return &found.All[i]
		}
	}
	return nil
}

func custom(f config.MappedField) bool { return f.Custom }

// list looks whether the destination's list exists.
func list(ctx context.Context, found *Findings, client SendGrid, d *config.Destination) {
	list, err := client.List(ctx, d.ListID)
	if err != nil {
		one := found.Fail(about(d), "list", err)
		answer, ok := errors.AsType[*sendgrid.Error](err)
		if one.Help = keyHelp(err); ok && answer.Class == sendgrid.NotFound {
			one.Help = "destinations[].list_id has to name a list of this account: " + theLists(ctx, client)
		}
		return
	}
	found.Add(Passed, about(d), "list", fmt.Sprintf("%q, %s, of %s", list.Name, people.Of(list.ContactCount, "contact"), capOf(d.ProfileCap)))
	if found.fresh[d.ID] && list.ContactCount > 0 {
		found.Add(Warning, about(d), "list", people.Of(list.ContactCount, "contact")+" on it that Rollcall never put there: they are left alone").
			Help = "if they come from another connector: consumer verify " + d.ID + " --adopt --comment WHY, once a consumer runs"
	}
}

func capOf(limit int64) string {
	if limit == 0 {
		return "any number"
	}
	return count(limit)
}

// customFields looks whether the account has the custom fields that a mapping names, whatever their case, and with a
// type that Rollcall knows.
func customFields(found *Findings, have []sendgrid.FieldDefinition, d *config.Destination) {
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
			found.Add(Warning, about(d), "fields", fmt.Sprintf("custom field %s has type %s, and is sent as text", field.Name, have[at].Type)).
				Help = "Rollcall knows fields of type Text, Number and Date: make one of those, or take it out of mapping.custom_fields"
		default:
			types = append(types, field.Name+" "+have[at].Type)
		}
	}
	if len(missing) > 0 {
		one := found.Fail(about(d), "fields", errors.New("the account has no custom field "+strings.Join(missing, ", ")))
		one.Reason, one.Help = "fields", "make it at SendGrid, or take it out of mapping.custom_fields; the account has "+theFields(have)
		return
	}
	found.Add(Passed, about(d), "fields", strings.Join(append([]string{fmt.Sprintf("%d mapped", len(mapped)+1)}, types...), ", "))
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
