package simulator

import (
	"container/heap"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// job is one accepted write.
type job struct {
	id        string
	order     uint64
	kind      string
	accepted  time.Time
	apply     time.Time
	final     time.Time
	shown     time.Time // before it the job answers 404
	never     bool      // accepted and never applied
	forever   bool      // its status stays pending
	early     bool      // it says that it has ended before anything was applied
	done      bool
	failed    bool // the whole of it, whatever was applied
	requested int
	created   int
	updated   int
	deleted   int
	errors    []jobError
	do        func(*job)
}

type jobError struct{ email, reason string }

type queue []*job

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].apply.Before(q[j].apply) || q[i].apply.Equal(q[j].apply) && q[i].order < q[j].order
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*job)) }

func (q *queue) Pop() any {
	old := *q
	j := old[len(old)-1]
	*q = old[:len(old)-1]
	return j
}

// accept queues a write.
func (s *Simulator) accept(kind string, requested int, do func(*job)) *job {
	now := s.now()
	s.order++
	delay := s.opts.ApplyDelay
	if s.opts.AnyOrder {
		delay += time.Duration(s.delays.Int64N(int64(delay)))
	}
	j := &job{
		id: s.id(), order: s.order, kind: kind, accepted: now, apply: now.Add(delay), requested: requested, do: do,
		final: now.Add(s.opts.StatusMin + time.Duration(s.delays.Int64N(int64(s.opts.StatusMax-s.opts.StatusMin)+1))),
	}
	s.jobs[j.id] = j
	for _, f := range s.faults {
		f.shape(j, s.luck.Float64())
	}
	heap.Push(&s.queue, j)
	return j
}

// advance applies the writes that are due, in their order, and begins a month's bill.
func (s *Simulator) advance() {
	now := s.now()
	for len(s.queue) > 0 && !s.queue[0].apply.After(now) {
		j := heap.Pop(&s.queue).(*job)
		if !j.never {
			j.do(j)
			j.done = true
		}
		j.do = nil // it holds the contacts
	}
	if m := now.UTC().Month(); m != s.month {
		s.month, s.billed = m, s.people.count()
	}
}

func (s *Simulator) getJob(x *exchange) {
	j, now := s.jobs[x.PathValue("id")], s.now()
	if j == nil || now.Before(j.shown) || now.After(j.accepted.Add(s.opts.JobsKept)) || j.kind == removalKind && !s.opts.RemovalJobs {
		x.fail(http.StatusNotFound, nobodys("job not found"))
		return
	}
	results := map[string]any{"requested_count": j.requested}
	for name, n := range map[string]int{
		"created_count": j.created, "updated_count": j.updated, "deleted_count": j.deleted, "errored_count": len(j.errors),
	} {
		if n > 0 && j.done {
			results[name] = n
		}
	}
	if j.early && !j.done && !j.never {
		results["updated_count"] = j.requested // it counts everybody, and has applied nobody
	}
	if j.done && len(j.errors) > 0 {
		results["errors_url"] = fileURL(x, "errors/"+j.id)
	}
	answer := map[string]any{
		"id": j.id, "status": j.status(now), "job_type": j.kind, "results": results, "started_at": j.accepted.UTC().Format(time.RFC3339),
	}
	if answer["status"] != "pending" {
		answer["finished_at"] = j.final.UTC().Format(time.RFC3339)
	}
	x.json(http.StatusOK, answer)
}

// fileURL is the address of a file that is fetched without a key.
func fileURL(x *exchange, path string) string {
	u := "http://" + x.Host + "/simulator/" + path
	if name := onBehalfOf(x.Request); name != "" {
		u += "?subuser=" + name
	}
	return u
}

func (j *job) status(now time.Time) string {
	switch {
	case j.early:
		return "completed"
	case j.forever || !j.done && !j.never || now.Before(j.final):
		return "pending"
	case j.failed || len(j.errors) == j.requested && j.requested > 0:
		return "failed"
	case len(j.errors) > 0:
		return "errored"
	}
	return "completed"
}

// getErrors serves a job's error file, to anybody who has its address.
func (s *Simulator) getErrors(x *exchange) {
	j := s.jobs[x.PathValue("id")]
	if j == nil {
		x.text(http.StatusNotFound, "application/xml", "<Error><Code>NoSuchKey</Code></Error>")
		return
	}
	var b strings.Builder
	lines, enc := csv.NewWriter(&b), json.NewEncoder(&b)
	if !s.opts.ErrorsJSON {
		_ = lines.Write([]string{"email", "reason"}) // into memory, as all below
	}
	for _, e := range j.errors {
		if s.opts.Anonymous {
			e.email = ""
		}
		if s.opts.ErrorsJSON {
			_ = enc.Encode(map[string]string{"email": e.email, "reason": e.reason})
			continue
		}
		_ = lines.Write([]string{e.email, e.reason})
	}
	lines.Flush()
	x.text(http.StatusOK, "text/csv", b.String())
}

// Membership is one applied change of a list.
type Membership struct {
	At    time.Time `json:"at"`
	List  string    `json:"list"`
	Email string    `json:"email"`
	Added bool      `json:"added"`
}

func contains(all []string, one string) bool { return slices.Contains(all, one) }

func (s *Simulator) join(c *contact, id string, at time.Time) {
	l := s.lists[id]
	if l == nil || contains(c.lists, id) {
		return
	}
	c.lists = append(c.lists, id)
	l.count++
	s.history = append(s.history, Membership{at, id, c.email, true})
}

func (s *Simulator) leave(c *contact, id string, at time.Time) {
	i := slices.Index(c.lists, id)
	if i < 0 {
		return
	}
	c.lists = slices.Delete(c.lists, i, i+1)
	if l := s.lists[id]; l != nil {
		l.count--
	}
	s.history = append(s.history, Membership{at, id, c.email, false})
}
