package simulator

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Removal takes ids in one query parameter, and one stale id fails all (rule 20).
func TestListRemoval(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.put(`{"email":"a@example.com"}`)
		b.applied()
		path := "/v3/marketing/lists/" + b.list + "/contacts"
		id := b.contact("a@example.com").ID
		b.want(400, "DELETE", path, "")
		b.want(400, "DELETE", path+"?contact_ids="+id, `{"contact_ids":["x"]}`)
		b.want(400, "DELETE", path+"?contact_ids=a&contact_ids=b", "")
		b.want(400, "DELETE", path+"?contact_ids="+strings.Repeat("a,", 100)+"a", "")
		b.want(414, "DELETE", path+"?contact_ids="+strings.Repeat("a", 8000), "")
		b.want(404, "DELETE", path+"?contact_ids="+id+",stale", "")
		b.want(404, "DELETE", "/v3/marketing/lists/other/contacts?contact_ids="+id, "")
		job := b.want(202, "DELETE", path+"?contact_ids="+id, "").field("job_id")
		b.equal("members", b.Summary().Lists[b.list], 1)
		b.applied()
		b.equal("members", b.Summary().Lists[b.list], 0)
		b.equal("contacts", b.Summary().Contacts, 1)
		b.want(404, "GET", contactsPath+"/imports/"+job, "")
	})
	inBubble(t, Options{Quirks: Quirks{StaleIDs: true, RemovalJobs: true}}, func(b *bench) {
		job := b.want(202, "DELETE", "/v3/marketing/lists/"+b.list+"/contacts?contact_ids=stale", "").field("job_id")
		b.want(200, "GET", contactsPath+"/imports/"+job, "")
	})
}

// Deleting lowers no bill, and a contact made again is a new one (rule 21).
func TestDeletionAndBilling(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.put(`{"email":"a@example.com"}`)
		b.applied()
		id := b.contact("a@example.com").ID
		b.want(400, "DELETE", contactsPath, "")
		b.want(400, "DELETE", contactsPath+"?ids[]="+id, "")
		b.want(400, "DELETE", contactsPath+"?ids="+id+"&delete_all_contacts=true", "")
		b.want(202, "DELETE", contactsPath+"?ids="+id+"%2Cunknown", "")
		b.applied()
		b.put(`{"email":"a@example.com"}`)
		b.applied()
		if b.contact("a@example.com").ID == id {
			b.Error("the contact has its old id again")
		}
		count := b.want(200, "GET", contactsPath+"/count", "")
		b.equal("count", count.field("contact_count")+" "+count.field("billable_count"), "1 2")
		time.Sleep(31 * 24 * time.Hour)
		b.equal("next month", b.want(200, "GET", contactsPath+"/count", "").field("billable_count"), "1")
		b.want(202, "DELETE", contactsPath+"?delete_all_contacts=true", "")
		b.applied()
		b.equal("contacts", b.Summary().Contacts, 0)
	})
}

func TestListsArePagedAndNamed(t *testing.T) {
	inBubble(t, Options{NoLimits: true}, func(b *bench) {
		b.want(400, "POST", "/v3/marketing/lists", `{"name":""}`)
		for i := len(b.Summary().Lists); i < maxLists; i++ {
			b.want(201, "POST", "/v3/marketing/lists", `{"name":"n`+strconv.Itoa(i)+`"}`)
		}
		b.want(400, "POST", "/v3/marketing/lists", `{"name":"one more"}`)
		seen, path := 0, "/v3/marketing/lists?page_size=300"
		for path != "" {
			r := b.want(200, "GET", path, "")
			var page struct {
				Result   []json.RawMessage
				Metadata struct{ Next string } `json:"_metadata"`
			}
			if err := json.Unmarshal([]byte(r.body), &page); err != nil {
				b.Fatal(err)
			}
			seen += len(page.Result)
			path = strings.TrimPrefix(page.Metadata.Next, "https://api.sendgrid.com")
		}
		b.equal("lists", seen, maxLists)
		one := "/v3/marketing/lists/" + b.list
		b.equal("name", b.want(200, "PATCH", one, `{"name":"New"}`).field("name"), "New")
		b.want(200, "GET", one+"/contacts/count", "")
		b.want(204, "DELETE", one, "")
		if r := b.want(404, "GET", one, ""); r.body[0] != '[' {
			b.Errorf("a list's 404 is %s, want a bare array", r.body)
		}
		b.want(404, "PUT", contactsPath, b.upsertBody(`{"email":"a@example.com"}`))
	})
}

func TestFieldsAreUsableAfterFiveSeconds(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		path := "/v3/marketing/field_definitions"
		if strings.Contains(b.want(200, "GET", path, "").body, "custom_fields") {
			b.Error("custom_fields is there without a field")
		}
		id := b.want(200, "POST", path, `{"name":"tier","field_type":"Text"}`).field("id")
		for _, bad := range []string{`{"name":"Tier","field_type":"Text"}`, `{"name":"email","field_type":"Text"}`, `{"name":"a b","field_type":"Text"}`, `{"name":"x","field_type":"Bool"}`} {
			b.want(400, "POST", path, bad)
		}
		upsert := b.upsertBody(`{"email":"a@example.com","custom_fields":{"` + id + `":"gold"}}`)
		b.want(400, "PUT", contactsPath, upsert)
		time.Sleep(5 * time.Second)
		b.want(202, "PUT", contactsPath, upsert)
		b.equal("name", b.want(200, "PATCH", path+"/"+id, `{"name":"level"}`).field("name"), "level")
		b.want(204, "DELETE", path+"/"+id, "")
		b.want(404, "DELETE", path+"/"+id, "")
	})
}

func TestLookUpsHaveTheirLimits(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		long := strings.Repeat("x", 100) + "@example.com"
		b.put(`{"email":"` + long + `"}`)
		b.applied()
		emails, identifiers := contactsPath+"/search/emails", contactsPath+"/search/identifiers/email"
		b.want(400, "POST", emails, `{"emails":["`+long+`"]}`)
		b.want(400, "POST", emails, `{"emails":["nobody"]}`)
		b.want(400, "POST", emails, `{"emails":["a@example.com"`+strings.Repeat(`,"a@example.com"`, 100)+`]}`)
		b.want(404, "POST", emails, `{"emails":["a@example.com"]}`)
		both := b.want(200, "POST", identifiers, `{"identifiers":["`+long+`","a@example.com"]}`)
		b.equal("the missing one", both.field("result", "a@example.com", "error"), "contact not found")
		b.equal("a bare error", b.want(404, "POST", identifiers, `{"identifiers":["a@example.com"]}`).field("message"), "contacts not found")
		b.want(404, "POST", contactsPath+"/search", `{"query":"x"}`)
		b.want(404, "PUT", contactsPath+"/imports", `{}`)
	})
}

// An export is the only way to read a whole list (rule 30).
func TestExportsShowWhatWasThere(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.put(`{"email":"a@example.com","city":"Rome"}`, `{"email":"b@example.com"}`)
		b.applied()
		made := b.want(202, "POST", contactsPath+"/exports", `{"list_ids":["`+b.list+`"],"file_type":"json","max_file_size":0.0001}`).field("id")
		b.put(`{"email":"late@example.com"}`)
		b.equal("status", b.want(200, "GET", contactsPath+"/exports/"+made, "").field("status"), "pending")
		b.applied()
		state := b.want(200, "GET", contactsPath+"/exports/"+made, "")
		var urls []string
		if err := json.Unmarshal([]byte(state.field("urls")), &urls); err != nil || len(urls) != 2 {
			b.Fatalf("urls %v, %v", urls, err)
		}
		b.key = ""
		var lines string
		for _, u := range urls {
			z, err := gzip.NewReader(strings.NewReader(rawBody(b, u)))
			if err != nil {
				b.Fatal(err)
			}
			part, _ := io.ReadAll(z)
			lines += string(part)
		}
		b.equal("objects, one a line", strings.Count(lines, `"contact_id"`), 2)
		if strings.Contains(lines, "late@") || strings.Contains(lines, "last_name") || !strings.Contains(lines, `"city":"Rome"`) {
			b.Errorf("export %s", lines)
		}
		time.Sleep(12 * time.Hour)
		b.want(404, "GET", strings.TrimPrefix(urls[0], "http://sendgrid.test"), "")
	})
}

func rawBody(b *bench, url string) string {
	r := b.want(200, "GET", strings.TrimPrefix(url, "http://sendgrid.test"), "")
	return r.body
}

func TestSubusersAreAccountsOfTheirOwn(t *testing.T) {
	inBubble(t, Options{Subusers: []string{"north"}}, func(b *bench) {
		own := b.list
		b.sub, b.list = "north", b.Subuser("north").AddList("", "North")
		b.put(`{"email":"a@example.com"}`)
		b.applied()
		b.equal("the subuser's", b.want(200, "GET", contactsPath+"/count", "").field("contact_count"), "1")
		b.want(404, "GET", "/v3/marketing/lists/"+own, "")
		b.sub = "south"
		b.want(403, "GET", contactsPath+"/count", "")
		b.sub = ""
		b.equal("the parent's", b.want(200, "GET", contactsPath+"/count", "").field("billable_breakdown"), `{"breakdown":{"north":1},"total":1}`)
	})
}

// An upsert resubscribes nobody (rule 21).
func TestSuppressionsAreAStoreOfTheirOwn(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		path := "/v3/asm/suppressions/global"
		b.want(201, "POST", path, `{"recipient_emails":["A@example.com"]}`)
		b.put(`{"email":"a@example.com"}`)
		b.applied()
		b.equal("suppressed", b.want(200, "GET", path+"/a@example.com", "").field("recipient_email"), "a@example.com")
		b.want(204, "DELETE", path+"/a@example.com", "")
		b.equal("suppressed", b.want(200, "GET", path+"/a@example.com", "").body, "{}")
		b.want(400, "POST", "/v3/recipients/erasejob", `{"email_addresses":["nobody"]}`)
		b.want(202, "POST", "/v3/recipients/erasejob", `{"email_addresses":["A@example.com"]}`)
		b.applied()
		if !b.Erased("a@example.com") || b.Summary().Contacts != 1 {
			b.Error("an erase job is taken, and marketing contacts stay")
		}
	})
}
