package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/internal/publish"
)

const (
	seed     = 20261125
	wave     = 400             // rows that are published around each kill
	longest  = 4 * time.Second // from a wave's first row until the kill
	again    = 3               // each so many-th kill is followed by another one while the consumer recovers
	patience = 3 * time.Minute // for everything to be applied after a kill
)

// kill is one row of the table.
type kill struct {
	moment  time.Duration // since the wave's first row
	flight  standing      // what was going on
	second  time.Duration // after the start, of the kill that struck the recovery; 0 is none
	active  time.Duration // after the last start, until the destination was taken over
	settled time.Duration // and until nothing was left to do
	audit   string
}

// I1, I2, I4, I5, I7, I10: wherever kill -9 strikes, nothing is lost, nothing is applied twice to a different effect, no job is
// believed too early, the cap holds at every moment, and no list is wrong at the end.
func TestCrash(t *testing.T) {
	kills, err := strconv.Atoi(os.Getenv("ROLLCALL_CRASH_KILLS"))
	if err != nil || kills < 1 {
		t.Skip("SKIPPED: `make crash` sets ROLLCALL_CRASH_KILLS, the number of kills")
	}
	luck := rand.New(rand.NewPCG(seed, uint64(kills)))
	waves := population(t, kills)
	w := newWorld(t, profiles(kills)/2)
	var done []kill
	t.Cleanup(func() { t.Log("\n" + table(done)) })
	for n := range kills {
		k := w.strike(waves[n], time.Duration(luck.Int64N(int64(longest))), n%again == again-1, luck)
		done = append(done, k)
		t.Logf("kill %d of %d: %s", n+1, kills, k.audit)
		if k.audit != "clean" {
			t.Fatalf("after kill %d the list is wrong: %s", n+1, k.audit)
		}
	}
}

// profiles is how many people the rows of so many waves are about.
func profiles(waves int) int { return waves * wave * 2 / 3 }

// population is as many waves as there are kills: people come, change, leave, flap and move among each other's arrivals.
func population(t *testing.T, waves int) [][]publish.Row {
	t.Helper()
	var rows []publish.Row
	p := publish.Population{Seed: seed, Profiles: profiles(waves), BadEmails: 0.01, Churn: 0.5}
	err := p.Rows(func(row publish.Row) error {
		row.Attributes = append([]byte(nil), row.Attributes...)
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]publish.Row, waves)
	for i := range out {
		out[i] = rows[i*wave : (i+1)*wave]
	}
	return out
}

// strike publishes a wave, kills the consumer at a moment of it, starts it again, and audits when nothing is left to do.
func (w *world) strike(rows []publish.Row, moment time.Duration, twice bool, luck *rand.Rand) kill {
	k := kill{moment: moment}
	began := time.Now()
	published := w.publish(rows)
	time.Sleep(time.Until(began.Add(moment)))
	k.flight, _ = w.standing() // an answer that fails says that it was only starting
	w.killConsumer()
	w.startConsumer()
	if twice {
		k.second = time.Duration(luck.Int64N(int64(4 * time.Second)))
		time.Sleep(k.second)
		w.killConsumer()
		w.startConsumer()
	}
	restarted := time.Now()
	w.await("the destination to be taken over", func() bool {
		s, err := w.standing()
		return err == nil && s.Replica != ""
	})
	k.active = time.Since(restarted)
	published()
	last := w.lastSequence()
	w.await("everything to be applied", func() bool {
		s, err := w.standing()
		return err == nil && s.settled(last, w.limit)
	})
	k.settled = time.Since(restarted)
	k.audit = w.audit()
	return k
}

func table(kills []kill) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%4s  %7s  %-64s  %7s  %7s  %8s  %s\n", "kill", "moment", "what was in flight", "again", "active", "settled", "audit")
	for i, k := range kills {
		second := ""
		if k.second > 0 {
			second = fmt.Sprintf("%.1fs", k.second.Seconds())
		}
		fmt.Fprintf(&s, "%4d  %6.1fs  %-64s  %7s  %6.1fs  %7.1fs  %s\n", i+1, k.moment.Seconds(), k.flight, second, k.active.Seconds(), k.settled.Seconds(), k.audit)
	}
	return s.String()
}
