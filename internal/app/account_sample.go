package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ask"
	"rollcall/internal/sendgrid"
)

// countEvery is how often SendGrid is asked for an account's counts while a destination of it is active here.
const countEvery = 5 * time.Minute

// sample shows what is left of the account's budgets each second, and its counts from time to time.
func (a *account) sample(ctx context.Context, app *App) {
	var counted time.Time
	for ask.Pause(ctx, time.Second) {
		a.metrics.Failing(app.failingFor(a, time.Now()))
		for _, route := range sendgrid.Routes {
			if b := a.client.Budget(route); b.Limit > 0 {
				a.metrics.Budget(string(route), b.Remaining)
			}
		}
		if time.Since(counted) < countEvery || !app.activeIn(a) {
			continue
		}
		counted = time.Now()
		ask, cancel := context.WithTimeout(ctx, askCounts)
		counts, err := a.client.Counts(ask)
		cancel()
		if err != nil {
			app.log.Debug("the account's counts can't be asked for", zap.String("account", a.cfg.ID), zap.Error(err))
			continue
		}
		a.metrics.Contacts(int64(counts.Contacts), int64(counts.Billable))
	}
}

const askCounts = 10 * time.Second

// activeIn reports whether a destination of the account is active here.
func (a *App) activeIn(acc *account) bool {
	for _, r := range a.runners {
		if r.account == acc && r.active.Load() != nil {
			return true
		}
	}
	return false
}
