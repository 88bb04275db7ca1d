package simulator

import (
	"net/http"
	"strings"
)

// The addresses that have unsubscribed are a store of their own: no upsert changes it.

func (s *Simulator) getSuppression(x *exchange) {
	email := strings.ToLower(x.PathValue("email"))
	answer := map[string]string{}
	if s.suppress[email] {
		answer["recipient_email"] = email
	}
	x.json(http.StatusOK, answer)
}

func (s *Simulator) postSuppressions(x *exchange) {
	var in struct {
		Emails []string `json:"recipient_emails"`
	}
	if !x.decode(&in) || len(in.Emails) == 0 {
		x.fail(http.StatusBadRequest, wrong("recipient_emails", "at least one address is needed"))
		return
	}
	for _, e := range in.Emails {
		s.suppress[strings.ToLower(e)] = true
	}
	x.json(http.StatusCreated, map[string][]string{"recipient_emails": in.Emails})
}

func (s *Simulator) deleteSuppression(x *exchange) {
	delete(s.suppress, strings.ToLower(x.PathValue("email")))
	x.status = http.StatusNoContent
}
