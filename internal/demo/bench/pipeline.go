package bench

import (
	"context"
	"fmt"
	"time"

	"rollcall/internal/app"
	"rollcall/internal/broker"
	"rollcall/internal/config"
)

// quiet is the destination's debounce.quiet. Changes of a burst come closer together than that.
const quiet = 250 * time.Millisecond

// clockScale makes the first look at a job come at once: the sink has ended every job.
const clockScale = 1000

// pipelined runs a destination as `consumer run` does, until every contact is applied.
func pipelined(ctx context.Context, conn *broker.Conn, stream string, w Workload, destination string) (figures, error) {
	s, err := newSink(ctx)
	if err != nil {
		return figures{}, err
	}
	defer s.stop()
	cfg, err := configuration(s.url, stream, destination)
	if err != nil {
		return figures{}, err
	}
	began, cpu := time.Now(), processCPU()
	a := app.New(cfg, app.Options{Conn: conn, Replica: "bench"})
	defer func() { _ = a.Stop(context.WithoutCancel(ctx)) }()
	if err := a.Start(ctx); err != nil {
		return figures{}, err
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		st, _ := a.Stats(destination)
		if st.Listed >= w.Profiles && st.Cursor >= uint64(w.Events) && st.Dirty() == 0 {
			out := figures{
				events: w.Events, took: time.Since(began), cpu: processCPU() - cpu, upserts: int(s.upserts.Load()),
				contacts: w.Profiles, ledger: st.LedgerBytes, commits: st.Commits,
				commit: (time.Duration(st.CommitNanos) / time.Duration(max(st.Commits, 1))).Round(100 * time.Microsecond),
			}
			out.least = max(least(s), (w.Profiles+maxContacts-1)/maxContacts)
			return out, a.Stop(ctx)
		}
		if st.Suspended != "" {
			return figures{}, fmt.Errorf("the destination is suspended: %s", st.Suspended)
		}
		select {
		case <-ctx.Done():
			return figures{}, ctx.Err()
		case <-ticker.C:
		}
	}
}

func configuration(url, stream, destination string) (*config.Config, error) {
	text := fmt.Sprintf(`
http: {listen: "127.0.0.1:0"}
accounts:
  - {id: sink, base_url: %q, api_key: "${KEY}", clock_scale: %d}
destinations:
  - id: %s
    name: bench
    owner: bench
    account: sink
    list_id: %s
    stream: %s
    segments: [%s]
    consent: {accepted_by: bench, accepted_on: 2026-11-01}
    profile_cap: 0
    debounce: {quiet: %s, max_wait: 60s}
`, url, clockScale, destination, listID, stream, segmentID, quiet)
	return config.Parse("bench.yaml", []byte(text), func(string) (string, bool) { return "SG.bench", true })
}
