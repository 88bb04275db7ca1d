package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/publish"
)

// exported is a header row as a service writes it, with an invented row, and the flags of the command that publishes it.
type exported struct {
	name, header, row string
	flags             []string
	profile           string // "" is the hash of ada@example.com
	attributes        string
}

const (
	shopifyNew = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,Default Address Address2,Default Address City,Default Address Province Code,Default Address Country Code,Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags"
	mailchimp  = "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES"
)

// Real header rows, rows invented: each with the command that publishes it.
var exports = []exported{
	{
		"SendGrid", "EMAIL,FIRST_NAME,LAST_NAME,ADDRESS_LINE_1,ADDRESS_LINE_2,CITY,STATE_PROVINCE_REGION,POSTAL_CODE,COUNTRY,ALTERNATE_EMAILS,PHONE_NUMBER,WHATSAPP,LINE,FACEBOOK,UNIQUE_NAME,CREATED_AT,UPDATED_AT,CONTACT_ID",
		"ada@example.com,Ada,Lovelace,12 St James's Square,,London,,SW1Y 4JH,GB,,,,,,,2026-01-02,2026-01-02,c-1",
		[]string{"--preset", "sendgrid"},
		"", `{"email":"ada@example.com","first_name":"Ada","last_name":"Lovelace","address_line_1":"12 St James's Square","address_line_2":null,"city":"London","state_province_region":null,"postal_code":"SW1Y 4JH","country":"GB","phone_number":null}`,
	},
	{
		"SendGrid's import template", "email,first_name,last_name,address_line_1,address_line_2,city,state_province_region,postal_code,country", "Ada@Example.com,Ada,Lovelace,,,,,,",
		[]string{"--id-from", "email"},
		"", `{"email":"Ada@Example.com","first_name":"Ada","last_name":"Lovelace","address_line_1":null,"address_line_2":null,"city":null,"state_province_region":null,"postal_code":null,"country":null}`,
	},
	{
		"HubSpot", "Record ID,First Name,Last Name,Email,Phone Number,Lead Status,Create Date,Associated Company,Country/Region,Contact owner", "101,Ada,Lovelace,ada@example.com,,NEW,2026-03-12 09:14,,GB,",
		[]string{"--preset", "hubspot"},
		"101", `{"first_name":"Ada","last_name":"Lovelace","email":"ada@example.com","phone_number":null,"country":"GB"}`,
	},
	{
		"HubSpot, older", "Contact ID,First Name,Last Name,Annual Revenue,Associated Company ID,Company Name,Country/Region,Contact owner,Lifecycle Stage,Lead Status,Email,Phone Number,Website URL,Original Source,HubSpot Score,City,State/Region,Create Date",
		"102,Ada,Lovelace,,,,GB,,lead,,ada@example.com,,,,,London,,2026-03-12",
		[]string{"--preset", "hubspot"},
		"102", `{"first_name":"Ada","last_name":"Lovelace","country":"GB","email":"ada@example.com","phone_number":null,"city":"London","state_province_region":null}`,
	},
	{
		"HubSpot with a column more", "Record ID,First Name,Last Name,Email,Phone Number,Job Title,Company Name,Contact owner", "103,Ada,Lovelace,ada@example.com,,Analyst,,",
		[]string{"--preset", "hubspot", "--map", "Job Title=title"},
		"103", `{"first_name":"Ada","last_name":"Lovelace","email":"ada@example.com","phone_number":null,"title":"Analyst"}`,
	},
	{"Mailchimp", mailchimp, `ada@example.com,Ada,Lovelace,2,,,"2026-03-16 14:40:47",,,,,,,GB,,"2026-03-16 14:40:47",1,a,`, []string{"--preset", "mailchimp"}, "", `{"email":"ada@example.com","first_name":"Ada","last_name":"Lovelace","country":"GB"}`},
	{
		"Mailchimp, unsubscribed, with one column twice", "Email Address,Name,ZIP code,Help time,Country,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,Languages,MEMBER_RATING,LEID,EUID,NOTES",
		"ada@example.com,Ada,SW1Y,,GB,,,,,,,,,2,1,a,",
		[]string{"--preset", "mailchimp", "--map", "Name=first_name", "--map", "ZIP code=postal_code"},
		"", `{"email":"ada@example.com","first_name":"Ada","postal_code":"SW1Y","country":"GB"}`,
	},
	{
		"Mailchimp with phone and tags", "Email Address,First Name,Last Name,Phone Number,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,LAST_CHANGED,LEID,EUID,NOTES,TAGS,UNSUB_TIME", `ada@example.com,Ada,Lovelace,+44 1,2,,,,,1,a,,"""VIP"",""Blog""",`,
		[]string{"--preset", "mailchimp", "--id-column", "EUID", "--map", "TAGS=tags"},
		"a", `{"email":"ada@example.com","first_name":"Ada","last_name":"Lovelace","phone_number":"+44 1","tags":"\"VIP\",\"Blog\""}`,
	},
	{
		"Salesforce, Data Loader", "Id,FirstName,LastName,MailingStreet,MailingCity,MailingState,MailingPostalCode,MailingCountry,Phone,Email,Title,Description", "003A,Ada,Lovelace,12 St James's Square,London,,SW1Y,GB,,ada@example.com,,",
		[]string{"--preset", "salesforce"},
		"003A", `{"first_name":"Ada","last_name":"Lovelace","address_line_1":"12 St James's Square","city":"London","state_province_region":null,"postal_code":"SW1Y","country":"GB","phone_number":null,"email":"ada@example.com"}`,
	},
	{
		"Salesforce with picklists", "Id,Email,MailingStreet,MailingCity,MailingStateCode,MailingPostalCode,MailingCountryCode", "003B,ada@example.com,,London,,SW1Y,GB",
		[]string{"--preset", "salesforce"},
		"003B", `{"email":"ada@example.com","address_line_1":null,"city":"London","state_province_region":null,"postal_code":"SW1Y","country":"GB"}`,
	},
	{
		"Salesforce in capitals", "ID,ISDELETED,MASTERRECORDID,ACCOUNTID,LASTNAME,FIRSTNAME,SALUTATION,NAME,MAILINGSTREET,MAILINGCITY,MAILINGSTATE,MAILINGPOSTALCODE,MAILINGCOUNTRY,PHONE,FAX,MOBILEPHONE,EMAIL,TITLE",
		"003C,false,,,Lovelace,Ada,,Ada Lovelace,,London,,,GB,,,,ada@example.com,",
		[]string{"--preset", "salesforce"},
		"003C", `{"last_name":"Lovelace","first_name":"Ada","address_line_1":null,"city":"London","state_province_region":null,"postal_code":null,"country":"GB","phone_number":null,"email":"ada@example.com"}`,
	},
	{
		"Salesforce without ids", "AccountId,FirstName,LastName,Title,Department,Phone,Email,MailingStreet,MailingCity,MailingState,MailingPostalCode,MailingCountry,MailingLatitude,MailingLongitude,Description,LeadSource",
		"001A,Ada,Lovelace,,,,ada@example.com,,London,,,GB,,,,Web",
		[]string{"--preset", "salesforce", "--id-from", "email"},
		"", `{"first_name":"Ada","last_name":"Lovelace","phone_number":null,"email":"ada@example.com","address_line_1":null,"city":"London","state_province_region":null,"postal_code":null,"country":"GB"}`,
	},
	{
		"Klaviyo", "Email,Klaviyo ID,First Name,Last Name,Organization,Title,Phone Number,Address,Address 2,City,State / Region,Country,Zip Code,Latitude,Longitude,Source,IP Address,Email Marketing Consent,Email Marketing Consent Timestamp,First Active,Last Active,Profile Created On,Date Added,Email Suppressions",
		"ada@example.com,01K,Ada,Lovelace,,,,,,London,,GB,SW1Y,,,,,SUBSCRIBED,,,,2026-01-02,2026-01-02,[]",
		[]string{"--preset", "klaviyo"},
		"01K", `{"email":"ada@example.com","first_name":"Ada","last_name":"Lovelace","phone_number":null,"address_line_1":null,"address_line_2":null,"city":"London","state_province_region":null,"country":"GB","postal_code":"SW1Y"}`,
	},
	{
		"Klaviyo, consent", "Email,First Name,Last Name,Phone Number,Email Marketing Consent,Email Marketing Consent Timestamp,Suppressed,Added At,Source", "ada@example.com,Ada,Lovelace,,SUBSCRIBED,2026-01-01T00:00:00.000Z,,,",
		[]string{"--preset", "klaviyo", "--id-from", "email", "--map", "Email Marketing Consent=consent"},
		"", `{"email":"ada@example.com","first_name":"Ada","last_name":"Lovelace","phone_number":null,"consent":"SUBSCRIBED"}`,
	},
	{
		"Shopify", shopifyNew, "'721,Ada,Lovelace,ada@example.com,yes,,12 St James's Square,,London,,GB,SW1Y,,,no,0.00,0,,no,VIP",
		append(mapFlags("Email=email", "First Name=first_name", "Last Name=last_name", "Default Address Country Code=country"), leftOut(shopifyNew, "Customer ID", "Email", "First Name", "Last Name", "Default Address Country Code", "--id-column", "Customer ID")...),
		"'721", `{"first_name":"Ada","last_name":"Lovelace","email":"ada@example.com","country":"GB"}`,
	},
	{
		"Shopify, older", "First Name,Last Name,Email,Company,Address1,Address2,City,Province,Province Code,Country,Country Code,Zip,Phone,Accepts Marketing,Total Spent,Total Orders,Tags,Note,Tax Exempt", "Ada,Lovelace,ada@example.com,,,,London,,,United Kingdom,GB,SW1Y,,no,0,0,,,no",
		append(mapFlags("Email=email", "First Name=first_name"), "--id-from", "email"), "",
		`{"first_name":"Ada","Last Name":"Lovelace","email":"ada@example.com","Company":null,"Address1":null,"Address2":null,"City":"London","Province":null,"Province Code":null,"Country":"United Kingdom","Country Code":"GB","Zip":"SW1Y","Phone":null,"Accepts Marketing":"no","Total Spent":"0","Total Orders":"0","Tags":null,"Note":null,"Tax Exempt":"no"}`,
	},
	{
		"Stripe", "id,Description,Email,Name,Created (UTC),Delinquent,Plan,Status,Total Spend,Payment Count,Refunded Volume,Dispute Losses,tag (metadata)", "cus_1,,ada@example.com,Ada Lovelace,2026-01-02 03:04,false,,,0,0,0,0,",
		append(mapFlags("Email=email", "Name=name", "Description=", "Created (UTC)=", "Delinquent=", "Total Spend=", "Payment Count=", "Refunded Volume=", "Dispute Losses=", "tag (metadata)="), "--id-column", "id"),
		"cus_1", `{"email":"ada@example.com","name":"Ada Lovelace","Plan":null,"Status":null}`,
	},
	{"Zoho CRM", "Record Id,First Name,Last Name,Lead Name,Email,Title,Lead Status,Lead Source,Description", "zcrm_1,Ada,Lovelace,Ada Lovelace,ada@example.com,,Open,,", append(mapFlags("Email=email", "Lead Name="), "--id-column", "Record Id"), "zcrm_1", `{"First Name":"Ada","Last Name":"Lovelace","email":"ada@example.com","Title":null,"Lead Status":"Open","Lead Source":null,"Description":null}`},
	{
		"Audience Republic", "Email Address,First Name,Last Name,Mobile Number,Country,State,City,Postcode,Date of Birth,Gender,Email Opt-In,SMS Opt-In,Tags", "ada@example.com,Ada,Lovelace,,GB,,London,SW1Y,1815-12-10,,yes,no,",
		append(mapFlags("Email Address=email", "Date of Birth=born", "Mobile Number=", "Gender=", "Email Opt-In=", "SMS Opt-In=", "Tags=", "State=", "Postcode="), "--id-from", "email"),
		"", `{"email":"ada@example.com","First Name":"Ada","Last Name":"Lovelace","Country":"GB","City":"London","born":"1815-12-10"}`,
	},
	{"Wix", "Email,First name,Surname,Phone number,Country,Tags,Date registered", `ada@example.com,Ada,Lovelace,,GB,"lead,client",2026-05-06 07:08:09`, append(mapFlags("Email=email", "Surname=last_name", "Tags="), "--id-from", "email"), "", `{"email":"ada@example.com","First name":"Ada","last_name":"Lovelace","Phone number":null,"Country":"GB","Date registered":"2026-05-06 07:08:09"}`},
	{"a help desk", "Email address;First name;Last name;Source Platform", "ada@example.com;Ada;Lovelace;web", append(mapFlags("Email address=email"), "--id-from", "email"), "", `{"email":"ada@example.com","First name":"Ada","Last name":"Lovelace","Source Platform":"web"}`},
}

func mapFlags(pairs ...string) []string {
	var flags []string
	for _, pair := range pairs {
		flags = append(flags, "--map", pair)
	}
	return flags
}

// leftOut leaves every column out but those named; what follows from a flag on is added as it is.
func leftOut(header string, but ...string) []string {
	var flags []string
	keep := map[string]bool{}
	for n, name := range but {
		if strings.HasPrefix(name, "--") {
			flags = append(flags, but[n:]...)
			break
		}
		keep[name] = true
	}
	for column := range strings.SplitSeq(header, ",") {
		if !keep[column] {
			flags = append(flags, "--map", column+"=")
		}
	}
	return flags
}

func TestTheFilesThatTeamsHaveArePublishedByOneCommand(t *testing.T) {
	if len(exports) < 20 {
		t.Fatalf("%d header rows", len(exports))
	}
	b := newPublisherBench(t).stream()
	for _, e := range exports {
		before := len(b.bodies())
		given := append([]string{"publish", b.file("export.csv", e.header+"\n"+e.row+"\n"), "--segment", "s" + strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(e.name), "--change", "entered"}, e.flags...)
		status, out, errs := b.run("", given...)
		if status != 0 || errs != "" {
			t.Errorf("%s: status %d %s%s", e.name, status, out, errs)
			continue
		}
		var event struct {
			Profile    string          `json:"profile_id"`
			Attributes json.RawMessage `json:"attributes"`
		}
		bodies := b.bodies()
		if len(bodies) != before+1 {
			t.Errorf("%s: %d events", e.name, len(bodies)-before)
			continue
		}
		_, data, _ := strings.Cut(bodies[before], " ")
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			t.Fatal(err)
		}
		want := e.profile
		if want == "" {
			want, _ = publish.IDFromEmail([]byte("ada@example.com"))
		}
		if diff := cmp.Diff(e.attributes, string(event.Attributes)); diff != "" || event.Profile != want {
			t.Errorf("%s: profile %s, want %s\n%s", e.name, event.Profile, want, diff)
		}
	}
}
