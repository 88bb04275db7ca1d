package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rollcall/internal/config"
	"rollcall/internal/mapping"
	"rollcall/internal/sendgrid"
)

// account is one SendGrid account with the client that its destinations share.
type account struct {
	cfg    *config.Account
	client *sendgrid.Account
}

func (a *App) newAccount(cfg *config.Account) (*account, error) {
	key := cfg.Key()
	routes := make([]string, 0, len(sendgrid.Routes))
	for _, route := range sendgrid.Routes {
		routes = append(routes, string(route))
	}
	metrics := a.metrics.Account(cfg.ID, routes)
	client, err := sendgrid.New(sendgrid.Options{
		BaseURL: cfg.BaseURL, OnBehalfOf: cfg.OnBehalfOf, Key: key.Value, Forget: key.Forget, Transport: a.opts.Transport,
		ClockScale: cfg.ClockScale, Log: a.log.Named("sendgrid"),
		Observe: func(route sendgrid.Route, class string, took time.Duration) {
			metrics.Request(string(route), class, took)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", cfg.ID, err)
	}
	return &account{cfg: cfg, client: client}, nil
}

// spec resolves a mapping: custom fields by SendGrid's names to the account's ids and types.
func (a *account) spec(ctx context.Context, m config.Mapping) (mapping.Spec, error) {
	spec := mapping.Spec{EmailAttribute: m.Email, OmitBad: m.OmitBad()}
	var defined map[string]sendgrid.FieldDefinition
	for _, f := range m.Mapped() {
		field := mapping.Field{Name: f.Name, Attribute: f.Attribute, Custom: f.Custom}
		if f.Custom {
			if defined == nil {
				var err error
				if defined, err = a.defined(ctx); err != nil {
					return spec, err
				}
			}
			d, ok := defined[strings.ToLower(f.Name)]
			if !ok {
				return spec, fmt.Errorf("%w: the account has no custom field %q: make it at SendGrid, or take it out of the mapping", errFields, f.Name)
			}
			field.ID = d.ID
			switch d.Type {
			case "Number":
				field.Type = mapping.Number
			case "Date":
				field.Type = mapping.Date
			default:
				field.Type = mapping.Text
			}
		}
		spec.Fields = append(spec.Fields, field)
	}
	return spec, nil
}

func (a *account) defined(ctx context.Context) (map[string]sendgrid.FieldDefinition, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	list, err := a.client.FieldDefinitions(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: ask SendGrid for the account's custom fields: %w", errFields, err)
	}
	defined := make(map[string]sendgrid.FieldDefinition, len(list))
	for _, f := range list {
		defined[strings.ToLower(f.Name)] = f
	}
	return defined, nil
}
