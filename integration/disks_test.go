//go:build integration

package integration

import (
	"archive/tar"
	"bytes"
	"io"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// diskSize is of each broker's disk, a file system in memory.
const diskSize = 64 << 20

// smallDisks gives the brokers volumes with little room. Another container holds them, so that they outlive a restart.
func smallDisks(w *world) {
	w.volume = client.VolumeCreateOptions{Driver: "local", DriverOpts: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=64m"}}
	w.beforeNodes = func() {
		var binds []string
		for _, n := range nodes {
			binds = append(binds, w.name+n+":/"+n)
		}
		made, err := testcontainers.Run(w.t.Context(), rollcallImage, testcontainers.WithLabels(labels), testcontainers.WithCmd("simulator"),
			testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { h.Binds = binds }))
		testcontainers.CleanupContainer(w.t, made, testcontainers.StopTimeout(0))
		must(w.t, err)
		w.running["disks"] = &box{service: "disks", id: made.GetContainerID(), made: made}
	}
}

// write puts a file of a size on a node's disk, in place of the one before. A full disk is an error.
func (w *world) write(node string, size int64) error {
	in, out := io.Pipe()
	go func() {
		archive := tar.NewWriter(out)
		err := archive.WriteHeader(&tar.Header{Name: "filler", Mode: 0o644, Size: size})
		for chunk := make([]byte, 1<<20); err == nil && size > 0; size -= int64(len(chunk)) {
			chunk = chunk[:min(int64(len(chunk)), size)]
			_, err = archive.Write(chunk)
		}
		if err == nil {
			err = archive.Close()
		}
		out.CloseWithError(err)
	}()
	var whole bytes.Buffer // the daemon closes the connection at the error, and its words would be lost
	if _, err := whole.ReadFrom(in); err != nil {
		return err
	}
	_, err := w.docker.CopyToContainer(w.t.Context(), w.running["disks"].id, client.CopyToContainerOptions{DestinationPath: "/" + node, Content: &whole})
	return err
}

// fullDisks fills one broker's disk after the other: it switches JetStream off, the other two go on, and with room and a restart it
// catches up. Where the disks of a majority are full at once the broker itself may lose what it had acknowledged.
func (s *stage) fullDisks() {
	s.t.Helper()
	s.play(row{scenario: "each broker's disk full in turn, healed by room and a restart", wantStops: len(nodes), wantFull: len(nodes)}, func(sc *scene) {
		since := time.Now()
		for _, n := range nodes {
			sc.moment()
			if err := sc.write(n, 2*diskSize); err != nil {
				sc.full++ // the daemon ran out of room, and so does the broker
				sc.t.Logf("%s: %v", n, err)
			}
			sc.await(n+" to switch JetStream off", 2*time.Minute, func() bool { return !sc.healthy(n) })
			sc.recovered(time.Now())
			must(sc.t, sc.write(n, 0))
			sc.restart(n)
			sc.await("all nodes to be healthy", 2*time.Minute, sc.allHealthy)
			sc.awaitAllReady()
		}
		sc.took = nil
		sc.longest(since)
	})
}
