package sendgrid

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollcall/internal/scrub"
)

// How often an export is asked for, of SendGrid's time.
const (
	firstExportLook   = 5 * time.Second
	longestExportLook = 30 * time.Second
)

// Member is a contact of an export. Contact holds all of it as SendGrid wrote it; it is valid during the
// visit alone, and nil where the file is CSV.
type Member struct {
	ID      string
	Email   string // as SendGrid holds it; empty where the contact has another identifier alone
	Contact json.RawMessage
}

// Fields decodes the contact: custom fields go by name, under custom_fields.
func (m Member) Fields() map[string]any {
	var fields map[string]any
	_ = json.Unmarshal(m.Contact, &fields) // it was decoded before
	return fields
}

// ExportList visits every contact of a list, or of the account where listID is empty: the only way to see more than fifty (rule 30). It shows the
// list as it was when the export began, takes a minute or more, and needs constant memory. An error means
// that the visits so far are not the whole list; an error of visit is returned as it is.
func (a *Account) ExportList(ctx context.Context, listID string, visit func(Member) error) error {
	id, err := a.startExport(ctx, listID)
	if err != nil {
		return err
	}
	e, err := a.awaitExport(ctx, id)
	if err != nil {
		return err
	}
	visited := 0
	for _, target := range e.URLs {
		if err := a.readExport(ctx, target, func(m Member) error { visited++; return visit(m) }); err != nil {
			return err
		}
	}
	if e.Count != nil && *e.Count != visited {
		return &Error{Class: Ambiguous, Status: http.StatusOK, Route: RouteExportFile, Message: "the files hold another number of contacts than the export says"}
	}
	return nil
}

func (a *Account) startExport(ctx context.Context, listID string) (string, error) {
	lists := []string{}
	if listID != "" {
		lists = append(lists, listID)
	}
	body, err := json.Marshal(map[string]any{"list_ids": lists, "file_type": "json"})
	if err != nil {
		return "", err
	}
	var answer struct {
		ID string `json:"id"`
	}
	err = a.do(ctx, call{route: RouteExport, method: http.MethodPost, path: "/v3/marketing/contacts/exports", body: body, into: &answer})
	if err == nil && answer.ID == "" {
		err = malformed(RouteExport, "the answer names no export")
	}
	return answer.ID, err
}

type exportJob struct {
	Status  string   `json:"status"`
	URLs    []string `json:"urls"`
	Message string   `json:"message"`
	Count   *int     `json:"contact_count"`
}

// awaitExport asks until the export has ended. What passes, passes: it is asked again until the context
// ends.
func (a *Account) awaitExport(ctx context.Context, id string) (exportJob, error) {
	c := call{route: RouteExportJob, method: http.MethodGet, path: "/v3/marketing/contacts/exports/" + url.PathEscape(id)}
	for every := firstExportLook; ; every = min(2*every, longestExportLook) {
		wait := time.NewTimer(time.Duration(float64(every) / a.opts.ClockScale))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return exportJob{}, &Error{Class: NoConnection, Route: RouteExportJob, Message: "the export was not ready in time", cause: ctx.Err()}
		}
		var e exportJob
		c.into = &e
		err := a.do(ctx, c)
		var answer *Error
		switch {
		case errors.As(err, &answer) && answer.passes():
		case err != nil:
			return exportJob{}, err
		case e.Status == "ready":
			return e, nil
		case e.Status == "failure":
			return exportJob{}, &Error{Class: Unavailable, Status: http.StatusOK, Route: RouteExportJob, Message: "the export failed: " + scrub.Known(nil).Answer(e.Message)}
		case e.Status != "pending":
			return exportJob{}, malformed(RouteExportJob, "the answer has no status")
		}
	}
}

// passes reports whether the same request may be answered well later.
func (e *Error) passes() bool {
	return slices.Contains([]Class{RateLimited, TimedOut, Unavailable, NoConnection, Ambiguous, Malformed, OverBudget}, e.Class)
}

// readExport visits the contacts of one file: one JSON object a line as it comes, an array, or CSV.
func (a *Account) readExport(ctx context.Context, target string, visit func(Member) error) error {
	f, err := a.fetch(ctx, RouteExportFile, target)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	b := bufio.NewReader(f)
	kind, err := firstByte(b)
	switch {
	case errors.Is(err, io.EOF):
		return nil // nobody
	case err != nil:
	case kind == '{' || kind == '[':
		err = visitJSON(b, kind == '[', visit)
	default:
		err = visitCSV(b, visit)
	}
	var shape *json.SyntaxError
	var row *csv.ParseError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errVisit):
		return errors.Unwrap(err)
	case errors.As(err, &shape), errors.As(err, &row), errors.Is(err, errNoID):
		return malformed(RouteExportFile, "the file is not of SendGrid's shape")
	}
	return &Error{Class: Ambiguous, Status: http.StatusOK, Route: RouteExportFile, Message: "the file was cut short", cause: err}
}

var (
	errNoID  = errors.New("a contact without an id")
	errVisit = errors.New("the visitor")
)

// visitError is an error of the caller's visit, told from the file's.
type visitError struct{ cause error }

func (e *visitError) Error() string   { return e.cause.Error() }
func (e *visitError) Unwrap() error   { return e.cause }
func (e *visitError) Is(t error) bool { return t == errVisit }

func firstByte(b *bufio.Reader) (byte, error) {
	for {
		c, err := b.ReadByte()
		if err != nil {
			return 0, err
		}
		if strings.IndexByte(" \t\r\n", c) < 0 {
			return c, b.UnreadByte()
		}
	}
}

func visitJSON(r io.Reader, list bool, visit func(Member) error) error {
	values := json.NewDecoder(r)
	if list {
		if _, err := values.Token(); err != nil {
			return err
		}
	}
	for !list || values.More() {
		var raw json.RawMessage
		if err := values.Decode(&raw); err != nil {
			if !list && errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		var one struct {
			ContactID string `json:"contact_id"` // in exports; everywhere else it is id
			ID        string `json:"id"`
			Email     string `json:"email"`
		}
		if err := json.Unmarshal(raw, &one); err != nil {
			return errNoID
		}
		if one.ContactID != "" {
			one.ID = one.ContactID
		}
		if err := visitOne(Member{one.ID, one.Email, raw}, visit); err != nil {
			return err
		}
	}
	_, err := values.Token() // the array's end: without it the file was cut short
	return err
}

func visitOne(m Member, visit func(Member) error) error {
	if m.ID == "" {
		return errNoID
	}
	if err := visit(m); err != nil {
		return &visitError{err}
	}
	return nil
}

func visitCSV(r io.Reader, visit func(Member) error) error {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord, rows.ReuseRecord = -1, true
	id, email := -1, -1
	for first := true; ; first = false {
		row, err := rows.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case first:
			for i, name := range row {
				switch strings.ToLower(strings.TrimSpace(name)) {
				case "contact_id", "id":
					id = i
				case "email":
					email = i
				}
			}
			if id < 0 || email < 0 {
				return errNoID
			}
		case len(row) <= max(id, email):
			return errNoID
		default:
			if err := visitOne(Member{ID: row[id], Email: row[email]}, visit); err != nil {
				return err
			}
		}
	}
}
