package sendgrid_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"testing"

	"rollcall/internal/sendgrid"
	"rollcall/internal/testkit"
)

const (
	plantedEmail   = "ada@example.com"
	plantedName    = "Lovelace"
	plantedProfile = "p-1815"
)

// What SendGrid says, and what its gateways and the network say in its place, names nobody, wherever it goes (I12).
func TestNobodyIsNamedByWhatSendGridSays(t *testing.T) {
	sent := fmt.Appendf(nil, `{"contacts":[{"email":%q,"last_name":%q,"custom_fields":{"e1_T":%q}}]}`, plantedEmail, plantedName, plantedProfile)
	says := fmt.Sprintf("%s of %s (%s) is not taken, see '%s' and \"Hopper\"", plantedName, plantedEmail, plantedProfile, plantedName)
	quoted, err := json.Marshal(says)
	if err != nil {
		t.Fatal(err)
	}
	shapes := []string{
		`{"errors":[{"field":"contacts[0].last_name","message":%s}]}`, `{"errors":{"message":%s}}`, `{"message":%s}`, `[{"message":%s}]`, `%s`,
	}
	for _, status := range []int{400, 401, 403, 404, 408, 413, 429, 500} {
		for _, shape := range shapes {
			c := &canned{
				status: status, body: fmt.Sprintf(shape, quoted),
				header: map[string]string{"x-amzn-requestid": plantedEmail, "x-request-id": plantedName},
			}
			_, err := client(t, sendgrid.Options{Transport: c}).Upsert(context.Background(), sent)
			e := failure(t, err)
			told := fmt.Sprintf("%v %s", e, e.Message)
			refused, _ := sendgrid.Narrow(1, func(int) string { return plantedEmail }, e, false)
			for _, r := range refused {
				told += r.Reason
			}
			for _, bad := range e.Invalid {
				told += bad.Message
			}
			testkit.Unnamed(t, []byte(told), plantedEmail, plantedName, plantedProfile, "hopper")
		}
	}
	lost := &canned{err: &net.OpError{Op: "read", Err: fmt.Errorf("of %s", plantedEmail)}}
	_, err = client(t, sendgrid.Options{Transport: lost}).Upsert(context.Background(), sent)
	testkit.Unnamed(t, []byte(failure(t, err).Error()), plantedEmail)
}

func TestNobodyIsNamedByAJobsErrorFile(t *testing.T) {
	for _, body := range []string{
		"email,last_name,e1_T,reason\n" + plantedEmail + "," + plantedName + "," + plantedProfile + ",lovelace (p-1815) is too long\n",
		`{"email":"ada@example.com","contact":{"last_name":"Lovelace","tags":["p-1815"]},"error":"Lovelace, p-1815: 'Hopper' is none"}`,
	} {
		rows, err := client(t, sendgrid.Options{Transport: &canned{status: 200, body: body}}).JobErrors(t.Context(), "http://files.test/x")
		if err != nil || len(rows) != 1 || rows[0].Email != plantedEmail || rows[0].Message == "" {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		testkit.Unnamed(t, []byte(rows[0].Message), plantedEmail, plantedName, plantedProfile, "hopper")
	}
}
