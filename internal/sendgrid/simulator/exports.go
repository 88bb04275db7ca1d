package simulator

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// export is an asynchronous reading of lists. It holds what was there when it was asked for.
type export struct {
	id    string
	made  time.Time
	ready time.Time
	lists []string
	kind  string
	count int
	parts [][]byte // gzip
}

const exportLife = 12 * time.Hour

func (s *Simulator) postExport(x *exchange) {
	var in struct {
		Lists   []string `json:"list_ids"`
		Kind    string   `json:"file_type"`
		MaxSize float64  `json:"max_file_size"` // MB
	}
	if len(x.body) > 0 && !x.decode(&in) || !contains([]string{"", "csv", "json"}, in.Kind) {
		x.fail(http.StatusBadRequest, wrong("file_type", "file_type is csv or json"))
		return
	}
	for _, id := range in.Lists {
		if s.lists[id] == nil {
			x.fail(http.StatusNotFound, nobodys("one or more lists do not exist"))
			return
		}
	}
	now := s.now()
	e := &export{id: s.id(), made: now, ready: now.Add(s.opts.ApplyDelay), lists: in.Lists, kind: in.Kind}
	if e.kind == "" {
		e.kind = "csv"
	}
	if in.MaxSize <= 0 {
		in.MaxSize = 5000
	}
	s.fill(e, int(in.MaxSize*1e6))
	s.exports[e.id] = e
	x.json(http.StatusAccepted, map[string]any{"id": e.id, "_metadata": map[string]string{"self": exportURL(e)}})
}

func exportURL(e *export) string {
	return "https://api.sendgrid.com/v3/marketing/contacts/exports/" + e.id
}

// fill writes the files, each of at most so many bytes before it is packed.
func (s *Simulator) fill(e *export, size int) {
	members := s.people.ordered(func(c *contact) bool {
		return len(e.lists) == 0 || slices.ContainsFunc(c.lists, func(id string) bool { return contains(e.lists, id) })
	})
	e.count = len(members)
	for first := true; first || len(members) > 0; first = false {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		w := &counter{to: z}
		n := s.writeExport(w, e.kind, members, size)
		_ = z.Close() // into memory
		e.parts = append(e.parts, packed.Bytes())
		members = members[n:]
	}
}

type counter struct {
	to io.Writer
	n  int
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return c.to.Write(p)
}

// writeExport writes one file and returns how many contacts went into it, at least one. A JSON file is one
// object a line, in which the id is contact_id and what is absent is left out.
func (s *Simulator) writeExport(w *counter, kind string, members []*contact, size int) (n int) {
	lines := csv.NewWriter(w)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	asList := kind == "json" && s.opts.ExportsAsJSON
	if kind == "csv" {
		_ = lines.Write(s.exportHead())
	}
	if asList {
		_, _ = io.WriteString(w, "[")
	}
	for ; n < len(members) && (n == 0 || w.n < size); n++ {
		switch kind {
		case "csv":
			_ = lines.Write(s.exportRow(members[n]))
			lines.Flush()
		default:
			if asList && n > 0 {
				_, _ = io.WriteString(w, ",")
			}
			_ = enc.Encode(s.exported(members[n]))
		}
	}
	if asList {
		_, _ = io.WriteString(w, "]")
	}
	lines.Flush()
	return n
}

func (s *Simulator) exported(c *contact) map[string]any {
	out := map[string]any{
		"contact_id": c.id, "custom_fields": s.customByName(c),
		"created_at": c.created.UTC().Format(time.RFC3339), "updated_at": c.updated.UTC().Format(time.RFC3339),
	}
	if c.email != "" {
		out["email"] = c.email
	}
	if len(c.alternates) > 0 {
		out["alternate_emails"] = c.alternates
	}
	for i, name := range textNames {
		if c.texts[i] != "" {
			out[name] = c.texts[i]
		}
	}
	return out
}

func (s *Simulator) exportHead() []string {
	head := []string{"EMAIL"}
	for _, name := range textNames {
		head = append(head, strings.ToUpper(name))
	}
	head = append(head, "ALTERNATE_EMAILS", "CONTACT_ID", "CREATED_AT", "UPDATED_AT")
	for _, f := range s.fields {
		head = append(head, f.name)
	}
	return head
}

func (s *Simulator) exportRow(c *contact) []string {
	row := append([]string{c.email}, c.texts[:]...)
	row = append(row, strings.Join(c.alternates, ","), c.id, c.created.UTC().Format(time.RFC3339), c.updated.UTC().Format(time.RFC3339))
	for _, f := range s.fields {
		row = append(row, textOf(c.custom[f.id]))
	}
	return row
}

// textOf is a custom value as text.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func (e *export) status(now time.Time) string {
	if now.Before(e.ready) {
		return "pending"
	}
	return "ready"
}

func (s *Simulator) exportShape(x *exchange, e *export) map[string]any {
	now := s.now()
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	out := map[string]any{
		"id": e.id, "status": e.status(now), "created_at": stamp(e.made), "updated_at": stamp(e.made),
		"expires_at": stamp(e.ready.Add(exportLife)), "_metadata": map[string]string{"self": exportURL(e)},
	}
	if e.status(now) == "ready" {
		urls := []string{}
		for i := range e.parts {
			urls = append(urls, fileURL(x, "exports/"+e.id+"/"+strconv.Itoa(i)+"."+e.kind+".gzip"))
		}
		out["urls"], out["completed_at"], out["updated_at"] = urls, stamp(e.ready), stamp(e.ready)
		out["contact_count"] = e.count
	}
	return out
}

func (s *Simulator) getExport(x *exchange) {
	e := s.exports[x.PathValue("id")]
	if e == nil {
		x.fail(http.StatusNotFound, nobodys("export not found"))
		return
	}
	x.json(http.StatusOK, s.exportShape(x, e))
}

func (s *Simulator) getExports(x *exchange) {
	all := make([]*export, 0, len(s.exports))
	for _, e := range s.exports {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *export) int { return strings.Compare(a.id, b.id) })
	result := []any{}
	for _, e := range all {
		one := s.exportShape(x, e)
		delete(one, "updated_at")
		delete(one, "contact_count")
		one["export_type"] = "contacts_export"
		result = append(result, one)
	}
	x.json(http.StatusOK, map[string]any{"result": result, "_metadata": map[string]string{"self": "https://api.sendgrid.com/v3/marketing/contacts/exports"}})
}

func (s *Simulator) getExportFile(x *exchange) {
	e := s.exports[x.PathValue("id")]
	name, _, _ := strings.Cut(x.PathValue("part"), ".")
	part, err := strconv.Atoi(name)
	if e == nil || err != nil || part < 0 || part >= len(e.parts) || !s.now().Before(e.ready.Add(exportLife)) || s.now().Before(e.ready) {
		x.text(http.StatusNotFound, "application/xml", "<Error><Code>NoSuchKey</Code></Error>")
		return
	}
	x.text(http.StatusOK, "application/gzip", "")
	x.content = e.parts[part]
}
