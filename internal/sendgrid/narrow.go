package sendgrid

// Refused is a contact of a batch that SendGrid would not take.
type Refused struct {
	Index  int
	Reason string // SendGrid's, addresses and what was sent cut out
}

// Narrow says what a 400 means for a batch whose i-th e-mail is email(i): who is refused, and which
// contacts are tried again, in which batches. Those that the answer names are refused, by the message's
// address first and by the index second (rule 8), and the rest goes at once. part tells that the batch is
// itself the rest, or a part, of one that was refused: where it names one contact again, others may not have
// been looked at, so that its rest goes in halves: k refused ones then cost at most 2k+2 requests of ever
// smaller batches. Where an answer names nobody the batch is halved, down to the one that is refused: at
// most 2k(log2(n/k)+2) requests (rule 7).
func Narrow(n int, email func(int) string, e *Error, part bool) (refused []Refused, again [][]int) {
	blamed := blame(n, email, e)
	if len(blamed) == 0 && n == 1 {
		blamed[0] = e.Message
	}
	var rest []int
	for i := range n {
		if reason, ok := blamed[i]; ok {
			refused = append(refused, Refused{i, reason})
			continue
		}
		rest = append(rest, i)
	}
	switch {
	case len(rest) == 0:
	case len(blamed) > 1 || len(blamed) == 1 && !part || len(rest) == 1:
		again = [][]int{rest}
	default:
		half := len(rest) / 2
		again = [][]int{rest[:half:half], rest[half:]}
	}
	return refused, again
}

// blame finds the contacts that an answer names.
func blame(n int, email func(int) string, e *Error) map[int]string {
	blamed := map[int]string{}
	if len(e.Invalid) == 0 {
		return blamed
	}
	at := make(map[string]int, n)
	for i := range n {
		at[stored(email(i))] = i
	}
	for _, bad := range e.Invalid {
		i, ok := at[bad.Email]
		if !ok {
			i, ok = bad.Index, bad.Index >= 0 && bad.Index < n
		}
		if ok {
			blamed[i] = bad.Message
		}
	}
	return blamed
}
