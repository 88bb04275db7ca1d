package health

import "time"

// Plan is the account's plan: while it is full, no contact is added. Its caller asks for the account's count from time to time, and
// contacts are added again once the count has fallen.
type Plan struct {
	Every    time.Duration // from one count to the next
	full     bool
	count    int // the highest since it is full; zero is unknown
	countAt  time.Time
	counting bool
	closings int // so that an answer to an earlier question opens nothing
}

// Full reports whether no contact may be added.
func (p *Plan) Full() bool { return p.full }

// Close notes that SendGrid takes no more contacts. It reports whether that is news.
func (p *Plan) Close() bool {
	if p.full {
		return false
	}
	*p = Plan{Every: p.Every, full: true, closings: p.closings + 1}
	return true
}

// Open lets contacts be added again. It reports whether that is news.
func (p *Plan) Open() bool {
	was := p.full
	p.full = false
	return was
}

// Count reports whether the account's count is wanted now, and under which number its answer is to be given. It is on its way
// from then on.
func (p *Plan) Count(now time.Time) (closing int, wanted bool) {
	if !p.full || p.counting || now.Before(p.countAt) {
		return 0, false
	}
	p.counting = true
	return p.closings, true
}

// Counted takes the account's count, or that it could not be had. It reports whether contacts may be added again.
func (p *Plan) Counted(closing, contacts int, failed bool, now time.Time) bool {
	if closing != p.closings {
		return false
	}
	p.counting = false
	p.countAt = now.Add(p.Every)
	switch {
	case failed || !p.full:
	case p.count == 0 || contacts > p.count:
		p.count = contacts
	case contacts < p.count:
		return p.Open()
	}
	return false
}
