// Package config turns Rollcall's one YAML file into typed options.
//
// It guarantees that a loaded Config keeps every rule that can be judged from the file alone (the start
// is refused otherwise, with each problem's line and what to do about it), that every default is filled
// in, and that the JSON Schema for editors is generated from the same table of keys. It contacts nothing:
// what only a live look shows is found by `consumer check` and suspends a destination at run time.
package config

import (
	"sort"
	"time"
)

// Config is the whole file with its defaults filled in. It is not changed after loading, but by
// NATS.Override before the first connection.
type Config struct {
	NATS         NATS          `yaml:"nats"`
	Retention    Retention     `yaml:"retention"`
	MemoryLimit  int64         `yaml:"memory_limit"` // bytes; 0 is none
	Log          Log           `yaml:"log"`
	HTTP         HTTP          `yaml:"http"`
	Revision     uint64        `yaml:"revision"`
	Accounts     []Account     `yaml:"accounts"`
	Destinations []Destination `yaml:"destinations"`

	Path string `yaml:"-"` // the file that was read, as it was named
}

// NATS says which broker to use and how: one of URL, Context and Embedded.
type NATS struct {
	URL       string `yaml:"url"`
	Context   string `yaml:"context"`
	CredsFile string `yaml:"creds_file"`
	NKeyFile  string `yaml:"nkey_file"`
	TLS       TLS    `yaml:"tls"`
	Domain    string `yaml:"domain"`
	// InboxPrefix is what every subject begins with on which answers to us arrive; empty is the context's, else _INBOX.
	InboxPrefix string        `yaml:"inbox_prefix"`
	Embedded    *Embedded     `yaml:"embedded"` // nil: somebody else's broker
	Replicas    int           `yaml:"replicas"`
	Name        string        `yaml:"name"`
	Takeover    time.Duration `yaml:"takeover"`
}

// TLS names the certificates of the connection to the broker.
type TLS struct {
	CAFile   string `yaml:"ca_file"`
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// Embedded describes a broker of our own.
type Embedded struct {
	StoreDir string         `yaml:"store_dir"`
	Listen   string         `yaml:"listen"`
	Users    []EmbeddedUser `yaml:"users"`
}

// EmbeddedUser may connect to the embedded broker. The first one is who our own commands connect as.
type EmbeddedUser struct {
	Name     string `yaml:"name"`
	Password string `yaml:"password"`
}

// Retention is how long what was set aside is kept, and how large the streams that we create may become, in bytes; 0 sets
// no limit.
type Retention struct {
	DeadLetters         time.Duration `yaml:"dead_letters"`
	Receipts            time.Duration `yaml:"receipts"`
	EventsMaxBytes      int64         `yaml:"events_max_bytes"`
	LedgerMaxBytes      int64         `yaml:"ledger_max_bytes"`
	SnapshotsMaxBytes   int64         `yaml:"snapshots_max_bytes"`
	DeadLettersMaxBytes int64         `yaml:"dead_letters_max_bytes"`
	ReceiptsMaxBytes    int64         `yaml:"receipts_max_bytes"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // auto, text or json
}

// HTTP is where metrics, health and the operator's page are served.
type HTTP struct {
	Listen        string `yaml:"listen"`
	TokenFile     string `yaml:"token_file"`
	WebConfigFile string `yaml:"web_config_file"`
}

// Account is a SendGrid account, or a subuser of one.
type Account struct {
	ID             string        `yaml:"id"`
	BaseURL        string        `yaml:"base_url"` // without a trailing slash
	APIKey         string        `yaml:"api_key"`
	APIKeyFile     string        `yaml:"api_key_file"`
	OnBehalfOf     string        `yaml:"on_behalf_of"`
	ProfileCap     int64         `yaml:"profile_cap"` // contacts; 0 is none
	RequestTimeout time.Duration `yaml:"request_timeout"`
	Horizon        time.Duration `yaml:"horizon"`
	ClockScale     float64       `yaml:"clock_scale"`
	ReplayShare    float64       `yaml:"replay_share"`
}

// Destination is one list of an account, with what is selected for it.
type Destination struct {
	ID           string        `yaml:"id"`
	Name         string        `yaml:"name"`
	Owner        string        `yaml:"owner"`
	Account      string        `yaml:"account"`
	ListID       string        `yaml:"list_id"`
	Stream       string        `yaml:"stream"`
	Segments     []string      `yaml:"segments"`
	Consent      Consent       `yaml:"consent"`
	Mapping      Mapping       `yaml:"mapping"`
	OnBadValue   string        `yaml:"on_bad_value"` // dead_letter or omit
	ProfileCap   int64         `yaml:"profile_cap"`  // contacts; 0 is none
	Debounce     Debounce      `yaml:"debounce"`
	Batch        Batch         `yaml:"batch"`
	Guard        Guard         `yaml:"guard"`
	KeepDeparted time.Duration `yaml:"keep_departed"` // 0 is for ever
}

// Consent is who accepted that this data leaves the boundary. Dates are YYYY-MM-DD.
type Consent struct {
	AcceptedBy  string `yaml:"accepted_by"`
	AcceptedOn  string `yaml:"accepted_on"`
	WithdrawnOn string `yaml:"withdrawn_on"`
}

// Given reports whether the export may go on: consent was accepted and is not withdrawn. Without it
// the destination is suspended.
func (c Consent) Given() bool { return c.AcceptedBy != "" && c.WithdrawnOn == "" }

// Mapping is contact field to attribute.
type Mapping struct {
	Email        string            `yaml:"email"`
	Fields       map[string]string `yaml:"-"` // SendGrid's own text fields: name to attribute
	CustomFields map[string]string `yaml:"custom_fields"`
}

// MappedField is one field that is sent besides the e-mail.
type MappedField struct {
	Name      string // SendGrid's name of the field
	Attribute string
	Custom    bool // its id and type are the account's to say
}

// OmitBad reports whether a value that does not fit its field is left out instead of refusing the contact.
func (d *Destination) OmitBad() bool { return d.OnBadValue == OnBadValueOmit }

// Mapped lists the fields in the order of their index in the ledger: SendGrid's own in the contract's
// order, then the custom ones by name. It does not depend on the order in the file.
func (m Mapping) Mapped() []MappedField {
	fields := make([]MappedField, 0, len(m.Fields)+len(m.CustomFields))
	for _, name := range textFields {
		if attribute, ok := m.Fields[name]; ok {
			fields = append(fields, MappedField{Name: name, Attribute: attribute})
		}
	}
	custom := len(fields)
	for name, attribute := range m.CustomFields {
		fields = append(fields, MappedField{Name: name, Attribute: attribute, Custom: true})
	}
	sort.Slice(fields[custom:], func(i, j int) bool { return fields[custom+i].Name < fields[custom+j].Name })
	return fields
}

// Debounce is when a changed contact is due.
type Debounce struct {
	Quiet   time.Duration `yaml:"quiet"`
	MaxWait time.Duration `yaml:"max_wait"`
}

// Batch bounds one request.
type Batch struct {
	MaxContacts int `yaml:"max_contacts"`
	MaxBytes    int `yaml:"max_bytes"`
}

// Guard is how many removals go without an operator's approval.
type Guard struct {
	Interval        time.Duration `yaml:"interval"`
	MinRemovals     int64         `yaml:"min_removals"`
	MaxRemovalShare float64       `yaml:"max_removal_share"` // of the most that were listed
}

// The values of on_bad_value.
const (
	OnBadValueDeadLetter = "dead_letter"
	OnBadValueOmit       = "omit"
)

// textFields are SendGrid's own fields that can be mapped besides the e-mail, all of them text.
var textFields = []string{
	"first_name", "last_name", "country", "state_province_region", "city", "postal_code",
	"address_line_1", "address_line_2", "phone_number",
}

// defaultTextFields is how many of textFields are sent where the file has no mapping.
const defaultTextFields = 6

// DefaultMapping is what is sent without a mapping: the seven fields of the attributes' own names.
func DefaultMapping() Mapping {
	m := Mapping{Email: "email", Fields: map[string]string{}}
	for _, name := range textFields[:defaultTextFields] {
		m.Fields[name] = name
	}
	return m
}

// Account returns the account of that id.
func (c *Config) Account(id string) (*Account, bool) {
	for i := range c.Accounts {
		if c.Accounts[i].ID == id {
			return &c.Accounts[i], true
		}
	}
	return nil, false
}

// Destination returns the destination of that id.
func (c *Config) Destination(id string) (*Destination, bool) {
	for i := range c.Destinations {
		if c.Destinations[i].ID == id {
			return &c.Destinations[i], true
		}
	}
	return nil, false
}

// SubjectPrefix reports whether a text can be what subjects of answers begin with.
func SubjectPrefix(text string) bool { return checkText(lookUp("nats.inbox_prefix"), text) == nil }

// Override makes the commands connect to that broker instead of the file's, whatever kind that is.
func (n *NATS) Override(url string) {
	n.URL, n.Context, n.Embedded = url, "", nil
}
