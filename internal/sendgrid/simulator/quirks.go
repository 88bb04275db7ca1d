package simulator

import (
	"fmt"
	"reflect"
	"strings"
)

// Quirks are what only a live account can settle, and what SendGrid has done at one time and not at
// another. The zero value is the stricter side, or what was seen last; the tag is the switch's name.
type Quirks struct {
	FirstOnly     bool `switch:"first-only"`           // a 400 names the first bad e-mail alone, instead of every one
	LegacyField   bool `switch:"legacy-field"`         // contacts[i].email instead of contacts[i].identifier
	UnknownLists  bool `switch:"ignore-unknown-lists"` // an upsert for a list that does not exist is taken, instead of 404
	Oversize400   bool `switch:"oversize-400"`         // a body that is too large is a 400, instead of 413
	Duplicates    bool `switch:"take-duplicates"`      // of two contacts with one e-mail in a request the last wins, instead of 400
	Nulls         bool `switch:"take-nulls"`           // null keeps a value, instead of 400
	ClearAll      bool `switch:"clear-all"`            // "" clears numbers and dates too, instead of an error in the job
	Truncate      bool `switch:"truncate"`             // an over-long text is cut, instead of an error in the job
	ManyIDs       bool `switch:"many-ids"`             // a removal takes as many ids as the URL holds, instead of 100
	StaleIDs      bool `switch:"ignore-stale-ids"`     // a removal ignores ids that do not exist, instead of 404
	RemovalJobs   bool `switch:"removal-jobs"`         // the job of a list removal can be asked for, instead of 404
	SpecJobType   bool `switch:"spec-job-type"`        // job_type is upsert or delete as documented, instead of what is sent
	ErrorsJSON    bool `switch:"errors-json"`          // errors_url gives one JSON object a line, instead of CSV
	Anonymous     bool `switch:"errors-without-names"` // errors_url names nobody
	AnyOrder      bool `switch:"any-order"`            // jobs are applied after one to two delays, so not in their order
	EpochReset    bool `switch:"epoch-reset"`          // x-ratelimit-reset is a time instead of seconds
	EmptyLimited  bool `switch:"empty-429"`            // a 429 has no body
	ErasePurges   bool `switch:"erase-purges"`         // an erase job deletes marketing contacts too
	ExportsAsJSON bool `switch:"exports-as-list"`      // a JSON export is one array, instead of an object a line
}

// Switches are the names of all quirks.
func Switches() []string {
	t := reflect.TypeFor[Quirks]()
	names := make([]string, 0, t.NumField())
	for field := range t.Fields() {
		names = append(names, field.Tag.Get("switch"))
	}
	return names
}

// Switch turns a quirk on by its name.
func (q *Quirks) Switch(name string) error {
	v := reflect.ValueOf(q).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("switch") == name {
			v.Field(i).SetBool(true)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", name, strings.Join(Switches(), ", "))
}
