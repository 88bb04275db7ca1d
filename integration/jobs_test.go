//go:build integration

package integration

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

// job runs a command of the image once, as a timer or a CronJob does, beside the consumers and with their configuration, and gives
// what it said.
func (w *world) job(within time.Duration, mounts []string, program string, arguments ...string) string {
	w.t.Helper()
	s := w.compose.Services[consumers[0]]
	binds, err := s.binds(w.name, w.configuration(w.edit))
	must(w.t, err)
	made, err := testcontainers.Run(w.t.Context(), s.Image,
		testcontainers.WithLabels(labels), testcontainers.WithEntrypoint(program), testcontainers.WithCmd(arguments...),
		testcontainers.WithEnv(publisherEnvironment(s)), network.WithNetworkName(nil, w.name+"brokers"),
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { h.Binds, h.ReadonlyRootfs = append(binds, mounts...), true }),
		testcontainers.WithWaitStrategyAndDeadline(within, wait.ForExit().WithExitTimeout(within)))
	testcontainers.CleanupContainer(w.t, made, testcontainers.StopTimeout(0))
	must(w.t, err)
	logs, err := made.Logs(w.t.Context())
	must(w.t, err)
	defer logs.Close()
	said, err := io.ReadAll(logs)
	must(w.t, err)
	state, err := made.State(w.t.Context())
	must(w.t, err)
	if state.ExitCode != 0 {
		w.t.Fatalf("%s %v ended with status %d: %s", program, arguments, state.ExitCode, said)
	}
	return string(said)
}

// publisherEnvironment is that of a service, but for the broker's user, which is the publisher's as in the CronJob.
func publisherEnvironment(s service) map[string]string {
	out := maps.Clone(s.Environment)
	var urls []string
	for _, node := range nodes {
		urls = append(urls, "nats://publisher:"+brokerPassword+"@"+node+":4222")
	}
	out["NATS_URL"], out["NATS_INBOX_PREFIX"] = strings.Join(urls, ","), "_INBOX_publisher"
	return out
}

// cronJob reads the command of the CronJob that deployments/ ship, and checks that the systemd unit runs the same.
func (w *world) cronJob() (command []string) {
	w.t.Helper()
	var job struct {
		Spec struct {
			JobTemplate struct {
				Spec struct {
					Template struct {
						Spec struct {
							Containers []struct{ Command, Args []string }
						}
					}
				}
			} `yaml:"jobTemplate"`
		}
	}
	body, err := os.ReadFile("../deployments/kubernetes/base/refresh.yaml")
	must(w.t, err)
	must(w.t, yaml.Unmarshal(body, &job))
	c := job.Spec.JobTemplate.Spec.Template.Spec.Containers[0]
	unit, err := os.ReadFile("../deployments/systemd/rollcall-refresh.service")
	must(w.t, err)
	if same := strings.Join(c.Args[:len(c.Args)-1], " "); !strings.Contains(string(unit), "/publisher "+same+" ") {
		w.t.Errorf("the systemd unit does not run %q as the CronJob does", same)
	}
	return append(c.Command, c.Args...)
}

// The nightly refresh of deployments/ (systemd's timer, Kubernetes' CronJob): who is not in the file leaves the segment.
func (s *stage) refresh() {
	s.t.Helper()
	s.play(row{scenario: "the refresh job: who is not in its file leaves"}, func(sc *scene) {
		sc.events.stop() // one writer a segment
		rows := "profile_id,email,first_name,city\n"
		for who := 0; who < people; who += len(segments) { // those of the first segment
			if who%2 == 0 {
				e, _ := event("refreshed", who, true)
				rows += filepath.Ext(e.Subject)[1:] + "," + e.Email + ",refreshed,\n"
			}
		}
		command := sc.cronJob()
		file := command[len(command)-1]
		must(sc.t, os.WriteFile(filepath.Join(sc.dir, filepath.Base(file)), []byte(rows), 0o644))
		said := sc.job(time.Minute, []string{sc.dir + ":" + filepath.Dir(file) + ":ro"}, command[0], command[1:]...)
		sc.t.Logf("the refresh job said: %s", said)
		sc.refreshed = true
	})
}

// A full publication of a segment by the job that deployments/ ship, and a full disk at each broker, healed by room.
func TestRefreshAndFullDisks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "disks", quick, smallDisks)
	s := w.stage(4)
	s.fullDisks()
	s.refresh()
}
