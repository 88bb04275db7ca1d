package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rollcall/internal/config"
	"rollcall/internal/mapping"
	"rollcall/internal/plan"
	"rollcall/internal/sendgrid"
	"rollcall/internal/state"
	"rollcall/internal/window"
)

// Policy is what the configuration says of a destination's timing and limits. An account that is not in
// the file any more leaves its part at zero.
func Policy(d *config.Destination, a *config.Account) state.Policy {
	p := state.Policy{
		Window: window.Policy{Quiet: d.Debounce.Quiet, MaxWait: d.Debounce.MaxWait},
		Guard:  plan.Guard{Interval: d.Guard.Interval, MinRemovals: int(d.Guard.MinRemovals), MaxShare: d.Guard.MaxRemovalShare},
		Cap:    int(d.ProfileCap), Keep: d.KeepDeparted,
	}
	if a != nil {
		p.Horizon, p.Timeout, p.Scale = a.Horizon, a.RequestTimeout, a.ClockScale
	}
	return p
}

// ErrFields says that a mapping names custom fields that the account does not have, or that they cannot be
// asked for.
var ErrFields = errors.New("custom fields cannot be resolved")

// Definitions tells an account's custom fields.
type Definitions interface {
	FieldDefinitions(ctx context.Context) ([]sendgrid.FieldDefinition, error)
}

// ResolveMapping resolves a mapping: custom fields by SendGrid's names to the account's ids and types. With an
// error every field is there all the same, those that are not known without an id.
func ResolveMapping(ctx context.Context, account Definitions, d *config.Destination) (mapping.Spec, error) {
	spec := mapping.Spec{EmailAttribute: d.Mapping.Email, OmitBad: d.OmitBad()}
	for _, f := range d.Mapping.Mapped() {
		spec.Fields = append(spec.Fields, mapping.Field{Name: f.Name, Attribute: f.Attribute, Custom: f.Custom})
	}
	if len(spec.Unresolved()) == 0 {
		return spec, nil
	}
	defined, err := definitions(ctx, account)
	if err != nil {
		return spec, err
	}
	for i := range spec.Fields {
		f := &spec.Fields[i]
		if !f.Custom {
			continue
		}
		definition, ok := defined[strings.ToLower(f.Name)]
		if !ok {
			err = errors.Join(err, fmt.Errorf("%w: the account has no custom field %q: make it at SendGrid, or take it out of the mapping", ErrFields, f.Name))
			continue
		}
		f.ID, f.Type = definition.ID, fieldType(definition.Type)
	}
	return spec, err
}

func fieldType(name string) mapping.Type {
	switch name {
	case "Number":
		return mapping.Number
	case "Date":
		return mapping.Date
	}
	return mapping.Text
}

// askFields is how long a claim waits for the account's custom fields: those of the claim before do as well.
const askFields = 10 * time.Second

func definitions(ctx context.Context, account Definitions) (map[string]sendgrid.FieldDefinition, error) {
	ctx, cancel := context.WithTimeout(ctx, askFields)
	defer cancel()
	list, err := account.FieldDefinitions(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: ask SendGrid for the account's custom fields: %w", ErrFields, err)
	}
	defined := make(map[string]sendgrid.FieldDefinition, len(list))
	for _, f := range list {
		defined[strings.ToLower(f.Name)] = f
	}
	return defined, nil
}
