package class

import "testing"

// The table of what a status means. A 408 and every 5xx leave open whether the request was done.
func TestWhatAStatusMeans(t *testing.T) {
	for status, want := range map[int]Class{
		400: BadRequest, 401: Unauthorized, 403: Forbidden, 404: NotFound, 405: BadRequest, 408: TimedOut, 409: BadRequest, 413: TooLarge,
		414: TooLarge, 422: BadRequest, 429: RateLimited, 499: BadRequest, 500: Unavailable, 502: Unavailable, 503: Unavailable, 599: Unavailable,
		100: Malformed, 302: Malformed, 600: Malformed, 0: Malformed,
	} {
		if got := OfStatus(status); got != want {
			t.Errorf("%d is %v, want %v", status, got, want)
		}
	}
}

func TestWhatSendGridsWordsMean(t *testing.T) {
	for words, want := range map[string]Complaint{
		"you have hit your Contact Limit":                     PlanFull,
		"the contact has another identifier: phone_number_id": OtherIdentifier,
		"an existing contact needs all of its Identifiers":    OtherIdentifier,
		"email is not valid":                                  Unfit,
		"":                                                    Unfit,
		"the contact limit of the plan, whatever identifier it has": PlanFull,
	} {
		if got := Complains(words); got != want {
			t.Errorf("%q is %d, want %d", words, got, want)
		}
	}
}

func TestEveryClassHasAName(t *testing.T) {
	seen := map[string]bool{}
	for c := range classes {
		if name := c.String(); name == "" || seen[name] {
			t.Errorf("class %d is called %q", c, name)
		}
		seen[c.String()] = true
	}
}
