package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/nats-io/nats.go/jetstream"
)

// traffic publishes comings, changes and goings without a pause, each until the broker has acknowledged it.
type traffic struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	acked  int
}

func (c *cluster) traffic(seed uint64) *traffic {
	ctx, cancel := context.WithCancel(c.t.Context())
	tr := &traffic{cancel: cancel}
	nc, js := c.connect()
	random := rand.New(rand.NewPCG(seed, 1))
	tr.done.Go(func() {
		defer nc.Close()
		for n := 0; ctx.Err() == nil; n++ {
			profile := fmt.Sprintf("p%d", random.IntN(300))
			body := event(fmt.Sprintf("%d-%d", seed, n), profile, "exited", "{}")
			if random.IntN(3) > 0 {
				body = event(fmt.Sprintf("%d-%d", seed, n), profile, "entered", fmt.Sprintf(`{"email":"%s@example.com","first_name":"N%d"}`, profile, n))
			}
			id := jetstream.WithMsgID(fmt.Sprintf("%d#%d", seed, n))
			for ctx.Err() == nil { // a publisher retries with the same id (contract, "What a publisher must do")
				try, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
				_, err := js.Publish(try, "segments.membership.high-value."+profile, body, id)
				stop()
				if err == nil {
					tr.acked++
					break
				}
			}
		}
	})
	return tr
}

func (tr *traffic) stop() int {
	tr.cancel()
	tr.done.Wait()
	return tr.acked
}

// scenario is one kind of trouble, done so many times while events come.
type scenario struct {
	name  string
	times int
	do    func(c *cluster) time.Duration // how long it took until exactly one replica was active again
}

func long() bool { return os.Getenv("ROLLCALL_INTEGRATION_LONG") == "1" }

func scenarios() []scenario {
	kills, cuts := 3, []time.Duration{2 * time.Second, 20 * time.Second}
	if long() {
		kills, cuts = 10, append(cuts, 2*time.Minute)
	}
	all := []scenario{
		{"kill -9 of the active consumer", kills, killActive},
		{"kill -9 of the stream leader's node", kills, killLeader},
		{"SIGSTOP of the active consumer, take-over, SIGCONT", 1, zombie},
		{"rolling restart of consumers and nodes", 1, rolling},
	}
	for _, d := range cuts {
		all = append(all,
			scenario{fmt.Sprintf("active consumer cut off for %v", d), 1, func(c *cluster) time.Duration {
				i := c.active()
				return measured(c, func() { c.cut(c.pair[i], []string{"consumer-a", "consumer-b"}[i], d) })
			}},
			scenario{fmt.Sprintf("stream leader's node cut off for %v", d), 1, func(c *cluster) time.Duration {
				node := c.leader("SEGMENT_EVENTS")
				for i, n := range c.nodes {
					if n == node {
						return measured(c, func() { c.cut(node, fmt.Sprintf("nats-%d", i+1), d) })
					}
				}
				return 0
			}})
	}
	return all
}

func measured(c *cluster, do func()) time.Duration {
	do()
	began := time.Now()
	c.active()
	return time.Since(began)
}

func killActive(c *cluster) time.Duration {
	i := c.active()
	c.kill(c.pair[i])
	began := time.Now()
	awaitActive(c.t, []replica{c.replicas()[1-i]}, 90*time.Second)
	took := time.Since(began)
	c.revive(c.pair[i])
	return took
}

func killLeader(c *cluster) time.Duration {
	node := c.leader("SEGMENT_EVENTS")
	return measured(c, func() {
		c.kill(node)
		time.Sleep(3 * time.Second)
		c.revive(node)
	})
}

// The paused owner wakes up after another has claimed: the fence refuses what it would write (I2, H1).
func zombie(c *cluster) time.Duration {
	i := c.active()
	id := c.pair[i].GetContainerID()
	c.must(c.docker.ContainerPause(c.t.Context(), id, client.ContainerPauseOptions{}))
	began := time.Now()
	awaitActive(c.t, []replica{c.replicas()[1-i]}, 90*time.Second)
	took := time.Since(began)
	time.Sleep(2 * time.Second)
	c.must(c.docker.ContainerUnpause(c.t.Context(), id, client.ContainerUnpauseOptions{}))
	return took
}

func rolling(c *cluster) time.Duration {
	grace := 20
	return measured(c, func() {
		for _, p := range append(c.pair[:2:2], c.nodes...) {
			c.must(c.docker.ContainerRestart(c.t.Context(), p.GetContainerID(), client.ContainerRestartOptions{Timeout: &grace}))
			time.Sleep(3 * time.Second)
		}
	})
}

// Nothing lost, nothing twice: after every kind of trouble, under events that never pause, the list is what the events
// say, contact by contact and field by field (I1, I2, I4, I7).
func TestTheListIsRightAfterKillsAndCuts(t *testing.T) {
	c := newCluster(t)
	c.active()
	all := scenarios()
	table := ""
	for i, s := range all {
		began, events := time.Now(), c.traffic(uint64(i+1))
		var worst time.Duration
		done := 0
		for range s.times {
			time.Sleep(time.Duration(500+rand.IntN(1500)) * time.Millisecond)
			worst = max(worst, s.do(c))
			done++
		}
		acked := events.stop()
		report := c.audit()
		if done != s.times || acked == 0 {
			t.Errorf("%s: done %d of %d times, %d events", s.name, done, s.times, acked)
		}
		row := fmt.Sprintf("%-52s %3d times %6d events  active again after %5.1f s at worst  listed %3d  wrong %d  (%.0f s)\n",
			s.name, done, acked, worst.Seconds(), report.Listed, report.Wrong, time.Since(began).Seconds())
		table += row
		t.Log(row)
	}
	t.Logf("scenarios:\n%s", table)
}
