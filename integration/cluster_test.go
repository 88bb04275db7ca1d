package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"

	"rollcall/internal/demo/audit"
)

// cluster is three brokers with fsync, two replicas and the simulator. Each container is on the data network, which
// scenarios cut, and on a control network: a container cut from its only one loses its published port.
type cluster struct {
	*stack
	control *testcontainers.DockerNetwork
	docker  *client.Client
	nodes   []*testcontainers.DockerContainer
	pair    []*testcontainers.DockerContainer
	account account
	list    string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{stack: newStack(t)}
	var err error
	if c.docker, err = client.New(client.FromEnv); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.docker.Close() })
	c.control, err = network.New(t.Context(), network.WithLabels(labels))
	testcontainers.CleanupNetwork(t, c.control)
	if err != nil {
		t.Fatal(err)
	}
	onControl := network.WithNetwork(nil, c.control)
	for i := range 3 {
		name := fmt.Sprintf("nats-%d", i+1)
		c.nodes = append(c.nodes, c.start(name, natsImage(), onControl,
			testcontainers.WithFiles(testcontainers.ContainerFile{HostFilePath: "../deployments/nats/cluster.conf", ContainerFilePath: "/cluster.conf", FileMode: 0o644}),
			testcontainers.WithEnv(map[string]string{"SERVER_NAME": name}), testcontainers.WithCmd("--config", "/cluster.conf"),
			testcontainers.WithExposedPorts("4222/tcp", "8222/tcp"),
			testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForHTTP("/varz").WithPort("8222/tcp"))))
	}
	const scale = 60
	sim := c.start("sendgrid", rollcallImage, onControl,
		testcontainers.WithCmd("simulator", "--listen", "0.0.0.0:8781", "--api-key", simulatorKey, "--clock-scale", fmt.Sprint(scale), "--inspect"),
		testcontainers.WithExposedPorts("8781/tcp"),
		testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForHTTP("/v3/marketing/lists").WithPort("8781/tcp").
			WithStatusCodeMatcher(func(status int) bool { return status == http.StatusUnauthorized })))
	c.account = account{t: t, base: "http://" + c.address(sim, "8781/tcp")}
	c.list = c.account.makeList("newsletter")
	file := strings.Replace(configuration(c.list, scale), `{url: "nats://nats:4222"}`,
		`{url: "nats://nats-1:4222,nats://nats-2:4222,nats://nats-3:4222", replicas: 3}`, 1)
	// The traffic lets go of more people than a guard would believe; that the guard holds is tested elsewhere (H23).
	file = strings.Replace(file, "    profile_cap: 1000\n", "    profile_cap: 1000\n    guard: {min_removals: 1000000}\n", 1)
	for _, name := range []string{"consumer-a", "consumer-b"} {
		c.pair = append(c.pair, c.start(name, rollcallImage, onControl,
			testcontainers.WithFiles(testcontainers.ContainerFile{Reader: strings.NewReader(file), ContainerFilePath: "/etc/rollcall/rollcall.yaml", FileMode: 0o644}),
			testcontainers.WithEnv(map[string]string{"SENDGRID_API_KEY": simulatorKey}),
			testcontainers.WithCmd("run", "--config", "/etc/rollcall/rollcall.yaml"),
			testcontainers.WithExposedPorts("8780/tcp"),
			testcontainers.WithWaitStrategyAndDeadline(2*time.Minute, wait.ForHTTP("/readyz").WithPort("8780/tcp"))))
	}
	return c
}

// connect reaches whichever node answers; their published ports change with each start.
func (c *cluster) connect() (*nats.Conn, jetstream.JetStream) {
	c.t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		var urls []string
		for _, n := range c.nodes {
			if at, err := n.PortEndpoint(c.t.Context(), "4222/tcp", "nats"); err == nil {
				urls = append(urls, at)
			}
		}
		nc, err := nats.Connect(strings.Join(urls, ","), nats.MaxReconnects(-1), nats.IgnoreDiscoveredServers(), nats.ReconnectWait(100*time.Millisecond))
		if err == nil {
			js, err := jetstream.New(nc)
			if err != nil {
				c.t.Fatal(err)
			}
			return nc, js
		}
		if time.Now().After(until) {
			c.t.Fatalf("no node answers: %v", err)
		}
	}
}

// replicas finds where the pair answers now.
func (c *cluster) replicas() []replica {
	var out []replica
	for _, p := range c.pair {
		at, err := p.PortEndpoint(c.t.Context(), "8780/tcp", "")
		if err != nil {
			at = "127.0.0.1:1" // it is down, and answers nothing
		}
		out = append(out, replica{container: p, http: "http://" + at})
	}
	return out
}

func (c *cluster) active() int { return awaitActive(c.t, c.replicas(), 90*time.Second) }

func (c *cluster) must(_ any, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) kill(victim *testcontainers.DockerContainer) {
	c.t.Helper()
	c.must(c.docker.ContainerKill(c.t.Context(), victim.GetContainerID(), client.ContainerKillOptions{Signal: "KILL"}))
}

func (c *cluster) revive(victim *testcontainers.DockerContainer) {
	c.t.Helper()
	c.must(c.docker.ContainerStart(c.t.Context(), victim.GetContainerID(), client.ContainerStartOptions{}))
}

// cut takes a container off the data network for a while.
func (c *cluster) cut(victim *testcontainers.DockerContainer, alias string, d time.Duration) {
	c.t.Helper()
	id := victim.GetContainerID()
	c.must(c.docker.NetworkDisconnect(c.t.Context(), c.network.ID, client.NetworkDisconnectOptions{Container: id, Force: true}))
	time.Sleep(d)
	c.must(c.docker.NetworkConnect(c.t.Context(), c.network.ID, client.NetworkConnectOptions{
		Container: id, EndpointConfig: &dockernet.EndpointSettings{Aliases: []string{alias}},
	}))
}

// leader is the node that leads the stream.
func (c *cluster) leader(stream string) *testcontainers.DockerContainer {
	c.t.Helper()
	nc, js := c.connect()
	defer nc.Close()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		s, err := js.Stream(c.t.Context(), stream)
		if err != nil || s.CachedInfo().Cluster == nil || s.CachedInfo().Cluster.Leader == "" {
			continue
		}
		name := s.CachedInfo().Cluster.Leader
		return c.nodes[name[len(name)-1]-'1']
	}
	c.t.Fatalf("stream %s has no leader", stream)
	return nil
}

// audit waits until the list is as the events say, contact by contact, and fails with what is wrong.
func (c *cluster) audit() *audit.Report {
	c.t.Helper()
	nc, js := c.connect()
	defer nc.Close()
	var report *audit.Report
	var err error
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(500 * time.Millisecond) {
		if report, err = c.look(js); err == nil && report.Clean() {
			return report
		}
	}
	c.t.Fatalf("two minutes after the last event the list is wrong: %+v, %v", report, err)
	return nil
}

func (c *cluster) look(js jetstream.JetStream) (*audit.Report, error) {
	var world audit.World
	world.Events = func(visit func(audit.Event) error) error { return c.events(js, visit) }
	err := errors.Join(
		c.lines("contacts", func(line []byte) error {
			var one audit.Contact
			err := json.Unmarshal(line, &one)
			world.Listed = append(world.Listed, one)
			return err
		}),
		c.lines("history", func(line []byte) error {
			var one audit.Change
			err := json.Unmarshal(line, &one)
			world.History = append(world.History, one)
			return err
		}))
	if err != nil {
		return nil, err
	}
	rules := audit.Rules{Segments: []string{"high-value"}, Email: "email", Cap: 1000, Fields: []audit.Field{{Name: "first_name", Attribute: "first_name", Kind: "Text"}}}
	return audit.Check(rules, world)
}

func (c *cluster) events(js jetstream.JetStream, visit func(audit.Event) error) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	consumer, err := js.OrderedConsumer(ctx, "SEGMENT_EVENTS", jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if err := visit(audit.Event{Sequence: meta.Sequence.Stream, Body: msg.Data()}); err != nil || meta.NumPending == 0 {
			return err
		}
	}
}

// lines reads one of the simulator's listings.
func (c *cluster) lines(what string, visit func([]byte) error) error {
	answer, err := http.Get(c.account.base + "/simulator/v1/" + what + "?list=" + c.list)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil {
		return err
	}
	for line := range slices.Values(bytes.Split(bytes.TrimSpace(body.Bytes()), []byte("\n"))) {
		if len(line) > 0 {
			if err := visit(line); err != nil {
				return err
			}
		}
	}
	return nil
}
