package simulator

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type field struct {
	id, name, kind string
	made           time.Time
}

const (
	maxFields = 500
	fieldRest = 5 * time.Second // a new field's id is not taken before
	fieldsURL = "https://api.sendgrid.com/v3/marketing/field_definitions"
)

// reserved are SendGrid's own fields with their ids, in their order: _rf0 to _rf28.
var reserved = [...]struct {
	name, kind string
	readOnly   bool
}{
	{"first_name", "Text", false},
	{"last_name", "Text", false},
	{"email", "Text", false},
	{"alternate_emails", "Text", false},
	{"address_line_1", "Text", false},
	{"address_line_2", "Text", false},
	{"city", "Text", false},
	{"state_province_region", "Text", false},
	{"postal_code", "Text", false},
	{"country", "Text", false},
	{"phone_number", "Text", false},
	{"whatsapp", "Text", false},
	{"line", "Text", false},
	{"facebook", "Text", false},
	{"unique_name", "Text", false},
	{"email_domains", "Text", true},
	{"last_clicked", "Date", true},
	{"last_opened", "Date", true},
	{"last_emailed", "Date", true},
	{"singlesend_id", "Text", true},
	{"automation_id", "Text", true},
	{"created_at", "Date", true},
	{"updated_at", "Date", true},
	{"contact_id", "Text", true},
	{"phone_number_id", "Text", false},
	{"external_id", "Text", false},
	{"anonymous_id", "Text", false},
	{"list_ids", "Text", true},
	{"segment_ids", "Text", true},
}

// AddField makes a custom field of a type (Text, Number, Date) that can be used at once.
func (s *Simulator) AddField(name, kind string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.addField(name, kind)
	f.made = s.now().Add(-time.Hour)
	return f.id
}

func (s *Simulator) addField(name, kind string) *field {
	n := 1
	for _, f := range s.fields {
		taken, _, _ := strings.Cut(f.id[1:], "_")
		if last, err := strconv.Atoi(taken); err == nil {
			n = max(n, last+1)
		}
	}
	f := &field{id: "e" + strconv.Itoa(n) + "_" + kind[:1], name: name, kind: kind, made: s.now()}
	s.fields = append(s.fields, f)
	return f
}

func (s *Simulator) field(id string) *field {
	if i := slices.IndexFunc(s.fields, func(f *field) bool { return f.id == id }); i >= 0 {
		return s.fields[i]
	}
	return nil
}

// usable reports whether a custom field exists, and has for five seconds.
func (s *Simulator) usable(id string) bool {
	f := s.field(id)
	return f != nil && s.now().Sub(f.made) >= fieldRest
}

func (f *field) shape() map[string]any {
	return map[string]any{"id": f.id, "name": f.name, "field_type": f.kind}
}

func (f *field) alone() map[string]any {
	out := f.shape()
	out["_metadata"] = map[string]string{"self": fieldsURL + "/" + f.id}
	return out
}

func (s *Simulator) getFields(x *exchange) {
	own := []any{}
	for i, r := range reserved {
		one := map[string]any{"id": "_rf" + strconv.Itoa(i) + "_" + r.kind[:1], "name": r.name, "field_type": r.kind}
		if r.readOnly {
			one["read_only"] = true
		}
		own = append(own, one)
	}
	answer := map[string]any{"reserved_fields": own, "_metadata": map[string]any{"self": fieldsURL, "count": len(s.fields)}}
	var custom []any
	for _, f := range s.fields {
		custom = append(custom, f.shape())
	}
	if custom != nil {
		answer["custom_fields"] = custom // the key is absent where there are none
	}
	x.json(http.StatusOK, answer)
}

var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// free reports whether a field may have a name.
func (s *Simulator) free(name string) bool {
	same := func(other string) bool { return strings.EqualFold(other, name) }
	for _, r := range reserved {
		if same(r.name) {
			return false
		}
	}
	return len(name) <= maxName && fieldName.MatchString(name) && !slices.ContainsFunc(s.fields, func(f *field) bool { return same(f.name) })
}

func (s *Simulator) postField(x *exchange) {
	var in struct {
		Name string `json:"name"`
		Kind string `json:"field_type"`
	}
	switch {
	case !x.decode(&in) || !contains([]string{"Text", "Number", "Date"}, in.Kind):
		x.fail(http.StatusBadRequest, wrong("field_type", "a type of Text, Number or Date is needed"))
	case !s.free(in.Name):
		x.fail(http.StatusBadRequest, wrong("name", "a new name of letters, digits and _ is needed"))
	case len(s.fields) >= maxFields:
		x.fail(http.StatusBadRequest, wrong("", "an account has at most 500 fields"))
	default:
		x.json(http.StatusOK, s.addField(in.Name, in.Kind).alone())
	}
}

func (s *Simulator) patchField(x *exchange) {
	var in struct {
		Name string `json:"name"`
	}
	f := s.field(x.PathValue("id"))
	switch {
	case f == nil:
		x.fail(http.StatusNotFound, wrong("id", "field not found"))
	case !x.decode(&in) || !s.free(in.Name):
		x.fail(http.StatusBadRequest, wrong("name", "a new name of letters, digits and _ is needed"))
	default:
		f.name = in.Name
		x.json(http.StatusOK, f.alone())
	}
}

func (s *Simulator) deleteField(x *exchange) {
	f := s.field(x.PathValue("id"))
	if f == nil {
		x.fail(http.StatusNotFound, wrong("id", "field not found"))
		return
	}
	s.fields = slices.DeleteFunc(s.fields, func(o *field) bool { return o == f })
	x.status = http.StatusNoContent
}
