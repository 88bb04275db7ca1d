package sendgrid

import (
	"context"
	"encoding/json"

	"rollcall/internal/contact"
)

// ExportFrom is from how many e-mails on an export of the list is less work than look-ups: an export
// takes a minute, in which 200 look-ups of 100 e-mails are made; other destinations need those too.
const ExportFrom = 5000

// Resolve finds contacts for a list: a few by look-ups, thousands by an export of the list (rule 30). The
// keys are the e-mails as they were asked. A contact that is missing is not on the list, or does not
// exist; one that is there may be off the list where it was looked up, so that Lists tells.
func (a *Account) Resolve(ctx context.Context, listID string, emails []string) (map[string]Found, error) {
	if len(emails) < a.opts.ExportFrom {
		return a.Lookup(ctx, emails)
	}
	return a.Exported(ctx, listID, emails)
}

// Exported finds contacts by an export of a list, or of the whole account where listID is empty: also those whose
// e-mails no look-up takes. A contact that is missing was not there when the export began.
func (a *Account) Exported(ctx context.Context, listID string, emails []string) (map[string]Found, error) {
	asked := make(map[string]string, len(emails))
	for _, e := range emails {
		asked[stored(e)] = e
	}
	found := make(map[string]Found, len(emails))
	err := a.ExportList(ctx, listID, func(m Member) error {
		if e, ok := asked[contact.Spelling(m.Email)]; ok {
			f := Found{ID: m.ID, Email: m.Email}
			if listID != "" {
				f.Lists = []string{listID}
			}
			_ = json.Unmarshal(m.Contact, &f.Fields) // CSV has none
			found[e] = f
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
