package app

import (
	"fmt"
	"time"

	"rollcall/internal/config"
	"rollcall/internal/sendgrid"
	"rollcall/internal/telemetry"
)

// account is one SendGrid account with the client that its destinations share.
type account struct {
	cfg     *config.Account
	client  *sendgrid.Account
	metrics *telemetry.Account
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
	return &account{cfg: cfg, client: client, metrics: metrics}, nil
}
