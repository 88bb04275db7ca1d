package sendgrid

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"rollcall/internal/contact"
	"rollcall/internal/scrub"
)

// Job is how an asynchronous job stands. Counters that SendGrid leaves out are zero.
type Job struct {
	ID        string
	Status    string
	Requested int
	Created   int
	Updated   int
	Deleted   int
	Errored   int
	ErrorsURL string
}

// Terminal reports whether the job has ended.
func (j Job) Terminal() bool {
	return j.Status == "completed" || j.Status == "errored" || j.Status == "failed"
}

// Failed reports whether the job ended without doing anything.
func (j Job) Failed() bool { return j.Status == "failed" }

// Done reports whether the job is over: by its counters, which come minutes before its status, or by
// its status (rule 9).
func (j Job) Done() bool {
	return j.Terminal() || j.Requested > 0 && j.Created+j.Updated+j.Deleted+j.Errored >= j.Requested
}

// Job asks how a job stands.
func (a *Account) Job(ctx context.Context, id string) (Job, error) {
	var answer struct {
		ID      string `json:"id"`
		Status  string `json:"status"`
		Results struct {
			Requested int    `json:"requested_count"`
			Created   int    `json:"created_count"`
			Updated   int    `json:"updated_count"`
			Deleted   int    `json:"deleted_count"`
			Errored   int    `json:"errored_count"`
			ErrorsURL string `json:"errors_url"`
		} `json:"results"`
	}
	err := a.do(ctx, call{
		route: RouteJob, method: http.MethodGet, path: "/v3/marketing/contacts/imports/" + url.PathEscape(id), into: &answer,
	})
	if err == nil && answer.Status == "" {
		err = malformed(RouteJob, "the answer has no status")
	}
	r := answer.Results
	return Job{
		ID: id, Status: answer.Status, Requested: r.Requested, Created: r.Created, Updated: r.Updated,
		Deleted: r.Deleted, Errored: r.Errored, ErrorsURL: r.ErrorsURL,
	}, err
}

// JobError is one contact that a job would not take.
type JobError struct {
	Email   string // as contact.Spelling has it; empty if the file names nobody
	Message string // SendGrid's, addresses and the row's other values cut out
}

// JobErrors fetches a job's error file, without the key: it lies elsewhere. Its format is documented
// nowhere; CSV with a header, one JSON object a line, and a JSON array are read, packed or not.
func (a *Account) JobErrors(ctx context.Context, target string) ([]JobError, error) {
	file, err := a.fetch(ctx, RouteErrors, target)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	body, err := io.ReadAll(io.LimitReader(file, maxAnswer))
	if err != nil {
		return nil, &Error{Class: Ambiguous, Route: RouteErrors, Message: "the error file was cut short", cause: err}
	}
	return parseJobErrors(body), nil
}

func parseJobErrors(body []byte) []JobError {
	body = bytes.TrimSpace(body)
	var rows []map[string]any
	switch {
	case len(body) == 0:
		return nil
	case body[0] == '[':
		_ = json.Unmarshal(body, &rows)
	case body[0] == '{':
		for values := json.NewDecoder(bytes.NewReader(body)); ; {
			var row map[string]any
			if values.Decode(&row) != nil {
				break
			}
			rows = append(rows, row)
		}
	default:
		rows = parseErrorCSV(body)
	}
	var out []JobError
	for _, row := range rows {
		e := JobError{Email: contact.Spelling(strings.TrimSpace(first(row, "email", "identifier")))}
		e.Message = reasonOf(row)
		if e.Email != "" || e.Message != "" {
			out = append(out, e)
		}
	}
	return out
}

func parseErrorCSV(body []byte) []map[string]any {
	r := csv.NewReader(bytes.NewReader(body))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil || len(records) < 2 {
		return nil
	}
	var rows []map[string]any
	for _, record := range records[1:] {
		row := map[string]any{}
		for i, v := range record {
			if i < len(records[0]) {
				row[strings.ToLower(strings.TrimSpace(records[0][i]))] = v
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// reasonOf is what a row says of its contact, without what the row's other columns hold.
func reasonOf(row map[string]any) string {
	said := first(row, "reason", "error", "message", "errors")
	others := map[string]any{}
	for column, value := range row {
		if value != said {
			others[column] = value
		}
	}
	held, err := json.Marshal(others)
	if err != nil {
		return ""
	}
	return scrub.Sent(held).Answer(said)
}

func first(row map[string]any, names ...string) string {
	for _, name := range names {
		if v, ok := row[name].(string); ok && v != "" {
			return v
		}
	}
	return ""
}
