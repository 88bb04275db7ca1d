package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

// simulatorKey is the API key that the simulator takes and the consumer sends.
const simulatorKey = "SG.integration"

// stack is one network with what a test started on it. The containers find each other as `nats`, `sendgrid`, `consumer`.
type stack struct {
	t       *testing.T
	network *testcontainers.DockerNetwork
}

func newStack(t *testing.T) *stack {
	t.Helper()
	made, err := network.New(t.Context(), network.WithLabels(labels))
	testcontainers.CleanupNetwork(t, made)
	if err != nil {
		t.Fatalf("make a network: %v", err)
	}
	return &stack{t: t, network: made}
}

// start runs one container and prints the end of its log when the test fails.
func (s *stack) start(name, image string, options ...testcontainers.ContainerCustomizer) *testcontainers.DockerContainer {
	s.t.Helper()
	all := append([]testcontainers.ContainerCustomizer{
		testcontainers.WithLabels(labels),
		network.WithNetwork([]string{name}, s.network),
	}, options...)
	made, err := testcontainers.Run(s.t.Context(), image, all...)
	// Cleanups run last first: the log is read before the container goes.
	testcontainers.CleanupContainer(s.t, made, testcontainers.StopTimeout(2*time.Second))
	s.t.Cleanup(func() { s.printLog(name, made) })
	if err != nil {
		s.t.Fatalf("start %s: %v", name, err)
	}
	return made
}

func (s *stack) printLog(name string, c *testcontainers.DockerContainer) {
	if !s.t.Failed() || c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	logs, err := c.Logs(ctx)
	if err != nil {
		s.t.Logf("log of %s: %v", name, err)
		return
	}
	defer logs.Close()
	body, _ := io.ReadAll(logs)
	lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
	s.t.Logf("the last lines of %s:\n%s", name, bytes.Join(lines[max(0, len(lines)-40):], []byte("\n")))
}

// broker starts one NATS server that syncs every write, and gives its URL on this machine.
func (s *stack) broker() string {
	s.t.Helper()
	started := s.start("nats", natsImage(),
		testcontainers.WithFiles(testcontainers.ContainerFile{HostFilePath: "../deployments/nats/standalone.conf", ContainerFilePath: "/standalone.conf", FileMode: 0o644}),
		testcontainers.WithCmd("--config", "/standalone.conf"),
		testcontainers.WithExposedPorts("4222/tcp", "8222/tcp"),
		testcontainers.WithTmpfs(map[string]string{"/data": "size=512m"}),
		testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForHTTP("/healthz").WithPort("8222/tcp")))
	return "nats://" + s.address(started, "4222/tcp")
}

// simulator starts the simulator at a clock of scale seconds a second, and gives its base URL on this machine.
func (s *stack) simulator(scale int) string {
	s.t.Helper()
	started := s.start("sendgrid", rollcallImage,
		testcontainers.WithCmd("simulator", "--listen", "0.0.0.0:8781", "--api-key", simulatorKey, "--clock-scale", fmt.Sprint(scale), "--inspect"),
		testcontainers.WithExposedPorts("8781/tcp"),
		// Docker's proxy takes connections on the published port before anybody listens behind it: only an answer counts.
		testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForHTTP("/v3/marketing/lists").WithPort("8781/tcp").
			WithStatusCodeMatcher(func(status int) bool { return status == http.StatusUnauthorized })))
	return "http://" + s.address(started, "8781/tcp")
}

// replica is one running consumer.
type replica struct {
	container *testcontainers.DockerContainer
	http      string // its base URL on this machine
}

// consumer starts one replica with the given configuration and waits until it is ready.
func (s *stack) consumer(name, configuration string) replica {
	s.t.Helper()
	started := s.start(name, rollcallImage,
		testcontainers.WithFiles(testcontainers.ContainerFile{Reader: strings.NewReader(configuration), ContainerFilePath: "/etc/rollcall/rollcall.yaml", FileMode: 0o644}),
		testcontainers.WithEnv(map[string]string{"SENDGRID_API_KEY": simulatorKey}),
		testcontainers.WithCmd("run", "--config", "/etc/rollcall/rollcall.yaml"),
		testcontainers.WithExposedPorts("8780/tcp"),
		testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForHTTP("/readyz").WithPort("8780/tcp")))
	return replica{container: started, http: "http://" + s.address(started, "8780/tcp")}
}

// address is where a container's port is published.
func (s *stack) address(c *testcontainers.DockerContainer, port string) string {
	s.t.Helper()
	endpoint, err := c.PortEndpoint(s.t.Context(), port, "")
	if err != nil {
		s.t.Fatalf("find the port %s: %v", port, err)
	}
	return endpoint
}
