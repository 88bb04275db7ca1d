package mapping

import "testing"

var benchAttributes = []byte(`{"email":"person.0000001@example.com","first_name":"Ada","last_name":"Lovelace","country":"GB","city":"London","postal_code":"EC1A 1BB","tier":"gold","points":7}`)

// Attributes to fields: once an event.
func BenchmarkMap(b *testing.B) {
	m, err := New(Default())
	if err != nil {
		b.Fatal(err)
	}
	var fields []byte
	b.ReportAllocs()
	for b.Loop() {
		fields = m.Map(fields[:0], benchAttributes).Fields
	}
}

// Fields to SendGrid's JSON: once a contact of a batch.
func BenchmarkEncodeContact(b *testing.B) {
	m, err := New(Default())
	if err != nil {
		b.Fatal(err)
	}
	mapped := m.Map(nil, benchAttributes)
	email, fields := string(mapped.Email), append([]byte(nil), mapped.Fields...)
	var json []byte
	b.ReportAllocs()
	for b.Loop() {
		json = m.AppendContact(json[:0], email, fields, 0)
	}
}
