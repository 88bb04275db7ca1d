package integration

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// active tells whether the replica says that it is the active one of the destination; a replica that answers nothing is not.
func (r replica) active(t *testing.T) bool {
	t.Helper()
	answer, err := http.Get(r.http + "/metrics")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return err == nil && regexp.MustCompile(`(?m)^rollcall_active\{.*destination="newsletter".*\} 1$`).Match(body)
}

// awaitActive waits until exactly one of the replicas is active, and returns its index.
func awaitActive(t *testing.T, replicas []replica, within time.Duration) int {
	t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		found, count := -1, 0
		for i, r := range replicas {
			if r.active(t) {
				found, count = i, count+1
			}
		}
		if count == 1 {
			return found
		}
	}
	t.Fatalf("after %v not exactly one of %d replicas is active", within, len(replicas))
	return -1
}

// kill ends a container as a crash would: SIGKILL, no grace.
func kill(t *testing.T, r replica) {
	t.Helper()
	docker, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	defer docker.Close()
	if _, err := docker.ContainerKill(t.Context(), r.container.GetContainerID(), client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		t.Fatalf("kill: %v", err)
	}
}

// I1, I2, I7: what the killed replica had committed, on its way or accepted is brought to its end by the other one.
func TestTheOtherReplicaTakesOverAfterAKill(t *testing.T) {
	const scale, profiles = 60, 20
	s := newStack(t)
	broker := s.broker()
	sendgrid := account{t: t, base: s.simulator(scale)}
	list := sendgrid.makeList("newsletter")
	file := configuration(list, scale)
	replicas := []replica{s.consumer("consumer-a", file), s.consumer("consumer-b", file)}
	first := awaitActive(t, replicas, 30*time.Second)

	publish := publisher(t, broker)
	for i := range profiles {
		profile := fmt.Sprintf("p%d", i)
		publish(profile, event("in-"+profile, profile, "entered", fmt.Sprintf(`{"email":"%s@example.com"}`, profile)))
	}
	sendgrid.awaitOnList("p0@example.com", list, true)
	for i := 0; i < profiles; i += 2 {
		profile := fmt.Sprintf("p%d", i)
		publish(profile, event("out-"+profile, profile, "exited", `{}`))
	}
	kill(t, replicas[first])
	killed := time.Now()
	awaitActive(t, []replica{replicas[1-first]}, 30*time.Second)
	t.Logf("taken over after %v", time.Since(killed).Round(100*time.Millisecond))

	for i := range profiles {
		sendgrid.awaitOnList(fmt.Sprintf("p%d@example.com", i), list, i%2 == 1)
	}
}
