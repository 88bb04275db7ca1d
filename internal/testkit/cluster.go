//go:build unix

package testkit

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"rollcall/internal/broker"
)

// nodeVariable tells a process that it is a node of a test's cluster, and names its configuration.
const nodeVariable = "ROLLCALL_TESTKIT_NODE"

// Cluster is three brokers in processes of their own, with fsync as in life, so that one can be killed or stopped as a
// machine is. The test's package needs Main as its TestMain: a node is the test's own program, started again.
type Cluster struct {
	tb    testing.TB
	nodes [3]*node
}

type node struct {
	name, conf, client string
	cmd                *exec.Cmd
	alive              io.Closer // its end is the node's
}

// StartCluster starts the brokers and returns when they have elected a leader. They end with the test.
func StartCluster(tb testing.TB) *Cluster {
	tb.Helper()
	c := &Cluster{tb: tb}
	dir, routes := tb.TempDir(), make([]string, 3)
	for i := range routes {
		routes[i] = freeAddress(tb)
	}
	for i := range c.nodes {
		n := &node{name: fmt.Sprintf("n%d", i+1), client: freeAddress(tb)}
		n.conf = filepath.Join(dir, n.name+".conf")
		text := fmt.Sprintf("server_name: %s\nlisten: %q\njetstream {store_dir: %q, sync_interval: always}\ncluster {name: test, listen: %q, routes: [%s]}\n",
			n.name, n.client, filepath.Join(dir, n.name), routes[i], `"nats://`+strings.Join(routes, `", "nats://`)+`"`)
		if err := os.WriteFile(n.conf, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		c.nodes[i] = n
		c.Start(n.name)
		tb.Cleanup(func() { c.Kill(n.name) })
	}
	conn := c.Connect()
	for range 600 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err := conn.JS.AccountInfo(ctx)
		cancel()
		if err == nil {
			return c
		}
		time.Sleep(100 * time.Millisecond)
	}
	tb.Fatal("the cluster elects no leader")
	return nil
}

// Connect connects to the cluster, as another process would. The connection is closed at the test's end.
func (c *Cluster) Connect() *broker.Conn {
	c.tb.Helper()
	urls := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		urls[i] = "nats://" + n.client
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := broker.Connect(ctx, broker.Options{URL: strings.Join(urls, ","), Name: c.tb.Name(), Replicas: len(c.nodes)}, nil)
	if err != nil {
		c.tb.Fatalf("connect to the cluster: %v", err)
	}
	c.tb.Cleanup(conn.Close)
	return conn
}

// Leader names the node that leads a stream; empty while there is none.
func (c *Cluster) Leader(conn *broker.Conn, stream string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := conn.JS.Stream(ctx, stream)
	if err != nil || s.CachedInfo().Cluster == nil {
		return ""
	}
	return s.CachedInfo().Cluster.Leader
}

// Start starts a node, again where it was killed.
func (c *Cluster) Start(name string) {
	n := c.find(name)
	n.cmd = exec.Command(os.Args[0]) // this very test: its Main runs a broker instead
	n.cmd.Env = append(os.Environ(), nodeVariable+"="+n.conf)
	alive, err := n.cmd.StdinPipe()
	if err == nil {
		err = n.cmd.Start()
	}
	if err != nil {
		c.tb.Fatalf("start node %s: %v", name, err)
	}
	n.alive = alive
}

// Kill kills a node at once, as kill -9 does, and waits for its end.
func (c *Cluster) Kill(name string) {
	if n := c.find(name); n.cmd != nil {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait() // says that it was killed
		_ = n.alive.Close()
		n.cmd = nil
	}
}

// Freeze stops a node without ending it: its connections stay and nothing answers. Thaw lets it go on.
func (c *Cluster) Freeze(name string) { _ = c.find(name).cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a node go on.
func (c *Cluster) Thaw(name string) { _ = c.find(name).cmd.Process.Signal(syscall.SIGCONT) }

func (c *Cluster) find(name string) *node {
	for _, n := range c.nodes {
		if n.name == name {
			return n
		}
	}
	c.tb.Fatalf("no node is called %q", name)
	return nil
}

// freeAddress is a loopback address that nobody listens on now.
func freeAddress(tb testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// beNode runs a broker until the test that started it ends, where this process is one of its nodes.
func beNode() {
	conf := os.Getenv(nodeVariable)
	if conf == "" {
		return
	}
	o, err := server.ProcessConfigFile(conf)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	o.NoLog, o.NoSigs = true, true
	s, err := server.NewServer(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s.Start()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
