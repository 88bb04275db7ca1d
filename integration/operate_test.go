//go:build integration

package integration

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

var asking = http.Client{Timeout: 2 * time.Second}

// status asks a container over HTTP; 0 where it does not answer.
func (w *world) status(service, port, path string) int {
	answer, err := asking.Get("http://" + w.running[service].ports[port] + path)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body) // the status says it
	return answer.StatusCode
}

func (w *world) ready(consumer string) bool {
	return w.status(consumer, "8780", "/readyz") == http.StatusOK
}

// healthy tells whether a node serves JetStream and has caught up with the others.
func (w *world) healthy(node string) bool { return w.status(node, "8222", "/healthz") == http.StatusOK }

func (w *world) allHealthy() bool {
	return !slices.ContainsFunc(nodes, func(n string) bool { return !w.healthy(n) })
}

// activeNow is the consumer that alone says that it is active; "" where none or both do.
func (w *world) activeNow() string {
	var found []string
	for _, c := range consumers {
		if w.metric(c, `rollcall_active{destination="`+destination+`"}`) == 1 {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return ""
}

func (w *world) active() (name string) {
	w.t.Helper()
	w.await("exactly one consumer to be active", 90*time.Second, func() bool { name = w.activeNow(); return name != "" })
	return name
}

func other(consumer string) string { return consumers[1-slices.Index(consumers, consumer)] }

// inspect is what the daemon knows of a container: the evidence of kills and cuts.
func (w *world) inspect(service string) container.InspectResponse {
	w.t.Helper()
	seen, err := w.docker.ContainerInspect(w.t.Context(), w.running[service].id, client.ContainerInspectOptions{})
	must(w.t, err)
	return seen.Container
}

// kill is SIGKILL to a container's process, and tells when it ended, as the daemon saw it.
func (w *world) kill(service string) death {
	w.t.Helper()
	before := w.inspect(service).State
	w.signal(service, "KILL")
	return w.ended(service, before)
}

// ended waits for the end of a container's process, and tells of it.
func (w *world) ended(service string, before *container.State) death {
	w.t.Helper()
	w.await(service+" to be dead", 20*time.Second, func() bool { return !w.inspect(service).State.Running })
	after := w.inspect(service).State
	return death{id: w.running[service].id, started: before.StartedAt, ended: after.FinishedAt, status: after.ExitCode, oom: after.OOMKilled}
}

// stop is SIGTERM, as a deployment sends it.
func (w *world) stop(service string) death {
	w.t.Helper()
	before := w.inspect(service).State
	grace := 20
	_, err := w.docker.ContainerStop(w.t.Context(), w.running[service].id, client.ContainerStopOptions{Timeout: &grace})
	must(w.t, err)
	return w.ended(service, before)
}

func (w *world) revive(service string) {
	w.t.Helper()
	_, err := w.docker.ContainerStart(w.t.Context(), w.running[service].id, client.ContainerStartOptions{})
	must(w.t, err)
}

// restart stops a container and starts it again, and counts the stop.
func (sc *scene) restart(service string) {
	sc.t.Helper()
	sc.deaths = append(sc.deaths, sc.stop(service))
	sc.revive(service)
}

// on tells whether the daemon has a container on a network of the compose file.
func (w *world) on(service, network string) bool {
	w.t.Helper()
	end := w.inspect(service).NetworkSettings.Networks[w.name+network]
	return end != nil && end.IPAddress.IsValid()
}

// cut takes containers off a network.
func (w *world) cut(network string, services ...string) {
	w.t.Helper()
	for _, s := range services {
		_, err := w.docker.NetworkDisconnect(w.t.Context(), w.name+network, client.NetworkDisconnectOptions{Container: w.running[s].id, Force: true})
		must(w.t, err)
	}
}

// heal puts them back, under their names.
func (w *world) heal(network string, services ...string) {
	w.t.Helper()
	for _, s := range services {
		aliases := append([]string{s}, w.compose.Services[s].Networks[network].Aliases...)
		_, err := w.docker.NetworkConnect(w.t.Context(), w.name+network, client.NetworkConnectOptions{
			Container: w.running[s].id, EndpointConfig: &dockernet.EndpointSettings{Aliases: aliases},
		})
		must(w.t, err)
	}
}

// pause is SIGSTOP: the process stands still, its connections stay open.
func (w *world) pause(service string) {
	w.t.Helper()
	w.signal(service, "STOP")
	w.await(service+" to stand still", 10*time.Second, func() bool { return w.standsStill(service) })
}

func (w *world) unpause(service string) {
	w.t.Helper()
	w.signal(service, "CONT")
	w.await(service+" to go on", 10*time.Second, func() bool { return !w.standsStill(service) })
}

func (w *world) signal(service, signal string) {
	w.t.Helper()
	_, err := w.docker.ContainerKill(w.t.Context(), w.running[service].id, client.ContainerKillOptions{Signal: signal})
	must(w.t, err)
}

// standsStill tells whether a container's process is stopped, as the daemon's machine has it.
func (w *world) standsStill(service string) bool {
	w.t.Helper()
	top, err := w.docker.ContainerTop(w.t.Context(), w.running[service].id, client.ContainerTopOptions{Arguments: []string{"-o", "pid,stat"}})
	must(w.t, err)
	return len(top.Processes) > 0 && strings.HasPrefix(top.Processes[0][1], "T")
}

// nobodyFell fails where a container ended by itself: its restart policy would hide a crash.
func (w *world) nobodyFell() {
	w.t.Helper()
	for service := range w.running {
		if seen := w.inspect(service); seen.RestartCount > 0 || seen.State.OOMKilled {
			w.t.Errorf("%s ended by itself %d times (out of memory: %v)", service, seen.RestartCount, seen.State.OOMKilled)
		}
	}
}

// printLog shows the end of a container's log where the test failed.
func (w *world) printLog(b *box) {
	if !w.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	logs, err := w.docker.ContainerLogs(ctx, b.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "40"})
	if err != nil {
		w.t.Logf("log of %s: %v", b.service, err)
		return
	}
	defer logs.Close()
	body, _ := io.ReadAll(logs)
	w.t.Logf("the last lines of %s:\n%s", b.service, strings.ToValidUTF8(string(body), ""))
}
