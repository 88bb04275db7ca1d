package publish

import "slices"

// Preset reads what one service exports.
type Preset struct {
	Name, Text string
	Columns    Columns
}

// Presets are the exports that are known by name, of contacts or profiles as CSV. Their columns were taken from real header rows; what a
// file lacks is left out. A preset sends the columns that it names and no others: an export holds more of a person than a list needs.
var Presets = []Preset{
	{"hubspot", "HubSpot: contacts, exported from the index page or a list", Columns{Only: true, Map: optional(
		"Record ID", profileColumn, "Contact ID", profileColumn,
		"Email", "email", "First Name", "first_name", "Last Name", "last_name", "Street Address", "address_line_1", "City", "city",
		"State/Region", "state_province_region", "Postal Code", "postal_code", "Country/Region", "country", "Country", "country",
		"Phone Number", "phone_number", "Mobile Phone Number", "phone_number",
	)}},
	{"klaviyo", "Klaviyo: a list or segment exported to CSV", Columns{Only: true, Map: optional(
		"Klaviyo ID", profileColumn,
		"Email", "email", "First Name", "first_name", "Last Name", "last_name", "Address", "address_line_1", "Address 2", "address_line_2",
		"City", "city", "State / Region", "state_province_region", "Zip Code", "postal_code", "Country", "country", "Phone Number", "phone_number",
	)}},
	{"mailchimp", "Mailchimp: an audience exported as CSV (one of the files in the archive)", Columns{Only: true, IDFrom: "email", Map: optional(
		"Email Address", "email", "First Name", "first_name", "Last Name", "last_name", "Phone Number", "phone_number",
		"Country", "country", "CC", "country", "Zip Code", "postal_code", "City", "city", "State", "state_province_region",
	)}},
	{"salesforce", "Salesforce: contacts from Data Loader or a report", Columns{Only: true, Map: optional(
		"Id", profileColumn, "ID", profileColumn, "Contact ID", profileColumn, "Contact ID (18 chars)", profileColumn,
		"Email", "email", "EMAIL", "email", "FirstName", "first_name", "First Name", "first_name", "FIRSTNAME", "first_name",
		"LastName", "last_name", "Last Name", "last_name", "LASTNAME", "last_name",
		"MailingStreet", "address_line_1", "Mailing Street", "address_line_1", "MAILINGSTREET", "address_line_1",
		"MailingCity", "city", "Mailing City", "city", "MAILINGCITY", "city",
		"MailingState", "state_province_region", "MailingStateCode", "state_province_region", "Mailing State/Province", "state_province_region",
		"MAILINGSTATE", "state_province_region", "MailingPostalCode", "postal_code", "Mailing Zip/Postal Code", "postal_code",
		"MAILINGPOSTALCODE", "postal_code", "MailingCountry", "country", "MailingCountryCode", "country", "Mailing Country", "country",
		"MAILINGCOUNTRY", "country", "Phone", "phone_number", "PHONE", "phone_number", "MobilePhone", "phone_number", "Mobile", "phone_number",
	)}},
	{"sendgrid", "SendGrid: contacts exported as CSV from Marketing Campaigns", Columns{Only: true, IDFrom: "email", Map: optional(
		"EMAIL", "email", "FIRST_NAME", "first_name", "LAST_NAME", "last_name", "ADDRESS_LINE_1", "address_line_1", "ADDRESS_LINE_2", "address_line_2",
		"CITY", "city", "STATE_PROVINCE_REGION", "state_province_region", "POSTAL_CODE", "postal_code", "COUNTRY", "country", "PHONE_NUMBER", "phone_number",
	)}},
}

// optional pairs columns with attributes.
func optional(pairs ...string) []Renaming {
	all := make([]Renaming, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, Renaming{Column: pairs[i], Attribute: pairs[i+1], Optional: true})
	}
	return all
}

// Over lays what was said by hand over a preset: a column or attribute that is named by hand is not the preset's any more.
func (c Columns) Over(preset Columns) Columns {
	hand := slices.Clip(c.Map)
	for _, r := range preset.Map {
		if !slices.ContainsFunc(hand, func(own Renaming) bool { return own.Column == r.Column || own.Attribute == r.Attribute }) {
			c.Map = append(c.Map, r)
		}
	}
	if c.ID == "" && c.IDFrom == "" {
		c.ID, c.IDFrom = preset.ID, preset.IDFrom
	}
	c.Only = c.Only || preset.Only
	return c
}
