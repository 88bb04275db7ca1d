package sendgrid

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// MaxIDs is how many contact ids one removal names: more would not fit the URL (rule 15).
const MaxIDs = 100

type jobAnswer struct {
	JobID string `json:"job_id"`
}

// Upsert puts contacts on a list; body is a Batch's. The job is queued, not done (rule 1).
func (a *Account) Upsert(ctx context.Context, body []byte) (job string, err error) {
	return a.change(ctx, call{route: RouteUpsert, method: http.MethodPut, path: "/v3/marketing/contacts", body: body})
}

// RemoveFromList takes at most MaxIDs contacts off a list; they stay in the account.
func (a *Account) RemoveFromList(ctx context.Context, listID string, ids []string) (job string, err error) {
	return a.change(ctx, call{
		route: RouteRemove, method: http.MethodDelete, path: "/v3/marketing/lists/" + url.PathEscape(listID) + "/contacts",
		query: url.Values{"contact_ids": {strings.Join(ids, ",")}},
	})
}

// DeleteContacts deletes at most MaxIDs contacts from the account: erasure alone does it.
func (a *Account) DeleteContacts(ctx context.Context, ids []string) (job string, err error) {
	return a.change(ctx, call{
		route: RouteDelete, method: http.MethodDelete, path: "/v3/marketing/contacts",
		query: url.Values{"ids": {strings.Join(ids, ",")}},
	})
}

// change makes a request that queues a job.
func (a *Account) change(ctx context.Context, c call) (string, error) {
	var answer jobAnswer
	c.into = &answer
	if err := a.do(ctx, c); err != nil {
		return "", err
	}
	if answer.JobID == "" {
		return "", malformed(c.route, "the answer names no job")
	}
	return answer.JobID, nil
}
