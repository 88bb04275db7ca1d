package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// onBehalfOf is the subuser that a request names, if it goes to SendGrid's routes.
func onBehalfOf(r *http.Request) string {
	if !strings.HasPrefix(r.URL.Path, "/v3/") {
		return r.URL.Query().Get("subuser") // files and inspection
	}
	for name, values := range r.Header {
		if strings.EqualFold(name, "on-behalf-of") && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func (s *Simulator) authorised(rt route, x *exchange) bool {
	key, ok := strings.CutPrefix(x.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok || key == "":
		x.fail(http.StatusUnauthorized, nobodys("authorization required"))
	case s.blocked:
		x.fail(http.StatusUnauthorized, problem{Field: null, Message: "The requestor's IP Address is not whitelisted", Help: null})
	case s.revoked || !slices.Contains(s.opts.Keys, key):
		x.fail(http.StatusUnauthorized, problem{
			Field: null, Message: "The provided authorization grant is invalid, expired, or revoked", Help: null,
		})
	case slices.Contains(s.opts.Restricted, key) && rt.name != "GET scopes":
		x.fail(http.StatusForbidden, nobodys("access forbidden"))
	default:
		return true
	}
	return false
}

func (s *Simulator) scopes(x *exchange) {
	key := strings.TrimPrefix(x.Header.Get("Authorization"), "Bearer ")
	scopes := []string{"mail.send"}
	if !slices.Contains(s.opts.Restricted, key) {
		scopes = []string{
			"marketing.read", "marketing_campaigns.create", "marketing_campaigns.read", "marketing_campaigns.update", "marketing_campaigns.delete",
		}
	}
	x.json(http.StatusOK, map[string][]string{"scopes": scopes})
}
