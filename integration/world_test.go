//go:build integration

package integration

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
)

const (
	destination  = "newsletter"
	simulatorKey = "SG.simulator" // as in the compose file
	clockScale   = 30             // the same

	brokerPassword = "pass-of-the-suite" // of every user
)

var (
	nodes     = []string{"nats-1", "nats-2", "nats-3"}
	consumers = []string{"consumer-a", "consumer-b"}
)

// world is one start of the compose file: a cluster of three brokers, two consumers, the simulator, each with the file's
// image, command, environment, mounts and networks. What differs: ports are published where one is free, and each container
// is also on a control network, where they can't reach each other: one that is cut from its others keeps its published port.
type world struct {
	t       *testing.T
	name    string
	compose composition
	docker  *client.Client
	dir     string // of the configurations
	list    string
	edit    func(string) string // what this world changes in the shipped configuration
	running map[string]*box     // by service

	volume      client.VolumeCreateOptions // of the brokers' disks
	beforeNodes func()
}

// box is one container.
type box struct {
	service string
	id      string
	made    *testcontainers.DockerContainer
	ports   map[string]string // address on this machine, by the container's port
	at      map[string]bool   // networks of the compose file that it is on
}

// newWorld starts everything and waits until it is ready. edit changes the shipped configuration.
func newWorld(t *testing.T, name string, edit func(string) string, options ...func(*world)) *world {
	t.Helper()
	docker, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { docker.Close() })
	w := &world{t: t, name: fmt.Sprintf("rollcall-%s-%d-", name, os.Getpid()), docker: docker, dir: t.TempDir(), edit: edit, running: map[string]*box{}}
	must(t, os.Chmod(w.dir, 0o755)) // the consumer runs as another user
	w.readCompose()
	for _, option := range options {
		option(w)
	}
	w.makeNetworks()
	w.start("simulator", nil)
	w.await("the simulator to answer", time.Minute, func() bool { return w.status("simulator", "8781", "/v3/marketing/lists") == http.StatusUnauthorized })
	w.list = w.sendgrid().makeList("newsletter")
	w.readCompose() // now with the list's id
	if w.beforeNodes != nil {
		w.beforeNodes()
	}
	for _, node := range nodes {
		w.start(node, w.monitored())
	}
	for _, consumer := range consumers {
		w.start(consumer, w.configuration(w.edit))
	}
	w.awaitAllReady()
	return w
}

func (w *world) readCompose() {
	w.t.Helper()
	var err error
	w.compose, err = readComposition(composeFile, func(name string) string {
		if name == "ROLLCALL_LIST_ID" {
			return w.list
		}
		if strings.HasSuffix(name, "_PASSWORD") {
			return brokerPassword
		}
		return os.Getenv(name)
	})
	must(w.t, err)
	for name, s := range w.compose.Services {
		if ours := standIn[s.Image]; ours != "" {
			s.Image = ours
			w.compose.Services[name] = s
		}
	}
}

// configuration writes the shipped rollcall.yaml, edited, and gives what is mounted instead of what.
func (w *world) configuration(edit func(string) string) map[string]string {
	w.t.Helper()
	body, err := os.ReadFile(filepath.Join(filepath.Dir(composeFile), "rollcall.yaml"))
	must(w.t, err)
	file, err := os.CreateTemp(w.dir, "rollcall-*.yaml")
	must(w.t, err)
	_, err = file.WriteString(edit(string(body)))
	must(w.t, err)
	must(w.t, file.Chmod(0o644))
	must(w.t, file.Close())
	return map[string]string{"./rollcall.yaml": file.Name()}
}

// monitored opens the nodes' monitoring to the suite, which asks it how they are; as shipped it listens on loopback.
func (w *world) monitored() map[string]string {
	w.t.Helper()
	const conf = "../nats/cluster.conf"
	body, err := os.ReadFile(filepath.Join(filepath.Dir(composeFile), conf))
	must(w.t, err)
	shipped := "http: 127.0.0.1:8222"
	if !strings.Contains(string(body), shipped) {
		w.t.Fatalf("%s does not say %s", conf, shipped)
	}
	path := filepath.Join(w.dir, "cluster.conf")
	must(w.t, os.WriteFile(path, []byte(strings.Replace(string(body), shipped, "http: 0.0.0.0:8222", 1)), 0o644))
	return map[string]string{conf: path}
}

func (w *world) makeNetworks() {
	w.t.Helper()
	w.makeNetwork("control", client.NetworkCreateOptions{Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"}})
	for name, n := range w.compose.Networks {
		w.makeNetwork(name, client.NetworkCreateOptions{Internal: n.Internal})
	}
	for name := range w.compose.Volumes {
		full := w.name + name
		volume := w.volume
		volume.Name, volume.Labels = full, labels
		_, err := w.docker.VolumeCreate(w.t.Context(), volume)
		must(w.t, err)
		w.t.Cleanup(func() {
			_, _ = w.docker.VolumeRemove(context.Background(), full, client.VolumeRemoveOptions{Force: true})
		})
	}
}

func (w *world) makeNetwork(name string, o client.NetworkCreateOptions) {
	w.t.Helper()
	o.Driver, o.Labels = "bridge", labels
	made, err := w.docker.NetworkCreate(w.t.Context(), w.name+name, o)
	must(w.t, err)
	w.t.Cleanup(func() { _, _ = w.docker.NetworkRemove(context.Background(), made.ID, client.NetworkRemoveOptions{}) })
}

// start runs a service of the compose file. instead names files that are mounted in place of the shipped ones.
func (w *world) start(name string, instead map[string]string, more ...testcontainers.ContainerCustomizer) {
	w.t.Helper()
	s := w.compose.Services[name]
	binds, err := s.binds(w.name, instead)
	must(w.t, err)
	b := &box{service: name, ports: map[string]string{}, at: map[string]bool{}}
	bindings := dockernet.PortMap{}
	published := s.ports()
	if strings.HasPrefix(name, "nats") {
		published = append(published, "8222") // its health
	}
	for _, port := range published {
		at := freePort(w.t)
		b.ports[port] = "127.0.0.1:" + at
		bindings[dockernet.MustParsePort(port+"/tcp")] = []dockernet.PortBinding{{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: at}}
	}
	options := []testcontainers.ContainerCustomizer{
		testcontainers.WithLabels(labels), testcontainers.WithCmd(s.Command...), testcontainers.WithEnv(s.Environment),
		network.WithNetworkName(nil, w.name+"control"), testcontainers.WithExposedPorts(published...),
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
			h.Binds, h.ReadonlyRootfs, h.PortBindings = binds, s.ReadOnly, bindings
			h.RestartPolicy.Name = container.RestartPolicyMode(s.Restart)
		}),
	}
	for n, a := range s.Networks {
		options = append(options, network.WithNetworkName(append([]string{name}, a.Aliases...), w.name+n))
		b.at[n] = true
	}
	made, err := testcontainers.Run(w.t.Context(), s.Image, append(options, more...)...)
	// Cleanups run last first: the log is read before the container goes.
	testcontainers.CleanupContainer(w.t, made, testcontainers.StopTimeout(0))
	if made != nil {
		b.id, b.made = made.GetContainerID(), made
		w.t.Cleanup(func() { w.printLog(b) })
	}
	if err != nil {
		w.t.Fatalf("start %s: %v", name, err)
	}
	w.running[name] = b
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(t, err)
	return port
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await looks until something is so.
func (w *world) await(what string, within time.Duration, so func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(within); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited %v for %s", within, what)
		}
	}
}

func (w *world) awaitAllReady() {
	w.t.Helper()
	w.await("both consumers to be ready", 90*time.Second, func() bool { return w.ready(consumers[0]) && w.ready(consumers[1]) })
	w.await("one consumer to be active", 90*time.Second, func() bool { return w.activeNow() != "" })
}
