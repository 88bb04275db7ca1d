package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"rollcall/internal/people"
	"rollcall/internal/publish"
)

// maxRefusedRows is how many refused rows the JSON summary holds; standard error names every one.
const maxRefusedRows = 100

// refusedRow is a row that was not published.
type refusedRow struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// publisherReport is what a publisher's command says at its end.
type publisherReport struct {
	env      *Env
	progress *publisherProgress

	rows      uint64 // of the input, refused ones too
	refused   uint64
	reasons   map[string]uint64
	first     []refusedRow
	sum       publish.Summary
	refresh   string // the refreshed segment
	refreshed bool   // and its end was published
	flags     *publisherFlags
	begun     time.Time
	warnings  []string
	differing int // profiles whose rows differ
	preview   []previewedRow
}

func newPublisherReport(env *Env, p *publisherProgress) *publisherReport {
	return &publisherReport{env: env, progress: p, reasons: map[string]uint64{}, first: []refusedRow{}}
}

func (r *publisherReport) begin(f *publisherFlags) { r.flags, r.begun = f, time.Now() }

// refuse tells of a row that was not published. No value of it is shown (I12).
func (r *publisherReport) refuse(file string, line int, why *publish.RowError) {
	r.refused++
	r.progress.refused.Store(int64(r.refused))
	r.reasons[string(why.Reason)]++
	if len(r.first) < maxRefusedRows {
		r.first = append(r.first, refusedRow{file, line, string(why.Reason), why.Detail})
	}
	r.progress.clear()
	r.env.tell("warn", fmt.Sprintf("%s:%d: refused, %s: %s", file, line, why.Reason, why.Detail),
		map[string]any{"file": file, "line": line, "reason": why.Reason, "detail": why.Detail})
}

func (r *publisherReport) print(env *Env, failure error) error {
	seconds := time.Since(r.begun).Seconds()
	if env.json {
		return printJSON(env.Stdout, r.asJSON(seconds, failure))
	}
	if failure != nil && r.sum.Acked == 0 {
		return nil // the error says it all
	}
	_, err := io.WriteString(env.Stdout, r.asText(seconds))
	return err
}

func (r *publisherReport) asText(seconds float64) string {
	var out strings.Builder
	published := r.sum.Acked
	verb := "published"
	if r.flags.dryRun {
		verb, published = "would publish", r.sum.Rows
	}
	fmt.Fprintf(&out, "%s %s to %s in %s (%s/s)", verb, events(published), r.flags.stream, span(seconds), count(uint64(float64(published)/max(seconds, 1e-3))))
	if r.sum.Last > 0 {
		fmt.Fprintf(&out, ", sequences %d to %d", r.sum.First, r.sum.Last)
	}
	out.WriteByte('\n')
	if r.sum.Retries > 0 {
		fmt.Fprintf(&out, "%s tries were repeated; %s turned out to be stored already, %s got a new id\n", count(r.sum.Retries), people.Of(r.sum.Duplicates, "event"), count(r.sum.Renewed))
	}
	if r.refused > 0 {
		var parts []string
		for _, reason := range sortedKeys(r.reasons) {
			parts = append(parts, reason+" "+count(r.reasons[reason]))
		}
		fmt.Fprintf(&out, "refused %s of %s: %s\n", count(r.refused), people.Of(r.rows, "row"), strings.Join(parts, ", "))
	}
	switch {
	case r.refresh == "":
	case r.refreshed && r.flags.dryRun:
		fmt.Fprintf(&out, "would refresh segment %s: %s\n", r.refresh, people.Of(r.sum.Count, "profile"))
	case r.refreshed:
		fmt.Fprintf(&out, "refreshed segment %s: %s since sequence %d; whoever was last seen before it has left\n", r.refresh, people.Of(r.sum.Count, "profile"), r.sum.FirstSequence)
	default:
		fmt.Fprintf(&out, "segment %s is not refreshed: nobody leaves it\n", r.refresh)
	}
	return out.String()
}

func events(n uint64) string {
	if n == 1 {
		return "1 event"
	}
	return count(n) + " events"
}

// publisherSummary is the report for programs.
type publisherSummary struct {
	Stream          string            `json:"stream"`
	DryRun          bool              `json:"dry_run"`
	Rows            uint64            `json:"rows"`
	Published       uint64            `json:"published"`
	Refused         uint64            `json:"refused"`
	RefusedByReason map[string]uint64 `json:"refused_by_reason"`
	RefusedRows     []refusedRow      `json:"refused_rows"` // the first ones
	FirstSequence   uint64            `json:"first_sequence,omitempty"`
	LastSequence    uint64            `json:"last_sequence,omitempty"`
	Retries         uint64            `json:"retries"`
	Duplicates      uint64            `json:"duplicates"`
	Renewed         uint64            `json:"renewed"`
	Refresh         *refreshSummary   `json:"refresh,omitempty"`
	Seconds         float64           `json:"seconds"`
	Error           string            `json:"error,omitempty"`
	Warnings        []string          `json:"warnings,omitempty"`
	Differing       int               `json:"differing_profiles,omitempty"` // that have rows which differ
	Preview         []previewedRow    `json:"preview,omitempty"`
}

type refreshSummary struct {
	Segment       string `json:"segment"`
	Refreshed     bool   `json:"refreshed"`
	FirstSequence uint64 `json:"first_sequence,omitempty"`
	Count         uint64 `json:"count"`
	Sequence      uint64 `json:"sequence,omitempty"`
}

func (r *publisherReport) asJSON(seconds float64, failure error) publisherSummary {
	s := publisherSummary{
		Stream: r.flags.stream, DryRun: r.flags.dryRun, Rows: r.rows, Published: r.sum.Acked, Refused: r.refused,
		RefusedByReason: r.reasons, RefusedRows: r.first, FirstSequence: r.sum.First, LastSequence: r.sum.Last,
		Retries: r.sum.Retries, Duplicates: r.sum.Duplicates, Renewed: r.sum.Renewed, Seconds: seconds,
		Warnings: r.warnings, Differing: r.differing, Preview: r.preview,
	}
	if r.refresh != "" {
		s.Refresh = &refreshSummary{
			Segment: r.refresh, Refreshed: r.refreshed && !r.flags.dryRun, FirstSequence: r.sum.FirstSequence,
			Count: r.sum.Count, Sequence: r.sum.RefreshedSequence,
		}
	}
	if failure != nil {
		s.Error = failure.Error()
	}
	return s
}
