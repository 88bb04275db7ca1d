//go:build integration

package integration

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/moby/moby/client"
)

// The suite's images have tags of their own: `make image` made what the compose file names, and that stays as it is.
const (
	rollcallImage = "rollcall:integration"
	natsImage     = "rollcall-nats:integration"
	nextImage     = "rollcall:integration-next" // of a second build, for the rolling upgrade
	nextVersion   = "integration-next"
)

// standIn gives the suite's image for one that the compose file names.
var standIn = map[string]string{"rollcall:dev": rollcallImage, "rollcall-nats:dev": natsImage}

// buildImages compiles the binaries statically and puts them into images from the Dockerfiles that deployments/ ships.
func buildImages(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "rollcall-integration-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// The suite speaks HTTP to the simulator alone, so the image needs no real authorities, only the file.
	authorities := filepath.Join(dir, "ca-certificates.crt")
	if err := os.WriteFile(authorities, nil, 0o644); err != nil {
		return err
	}
	for image, version := range map[string]string{rollcallImage: "integration", nextImage: nextVersion} {
		if err := compile(ctx, dir, version, "./cmd/consumer", "./cmd/publisher"); err != nil {
			return err
		}
		ours := []string{"../deployments/image/Dockerfile", filepath.Join(dir, "consumer"), filepath.Join(dir, "publisher"), authorities}
		if err := buildImage(ctx, image, ours); err != nil {
			return err
		}
	}
	if os.Getenv("NATS_IMAGE") != "" {
		return nil // a published image takes the place of ours, here as in the compose file
	}
	if err := compile(ctx, dir, "", "github.com/nats-io/nats-server/v2"); err != nil {
		return err
	}
	broker := []string{"../deployments/nats/Dockerfile", "../deployments/nats/standalone.conf", "../deployments/nats/accounts.conf", filepath.Join(dir, "nats-server")}
	return buildImage(ctx, natsImage, broker)
}

// compile builds main packages into dir as static binaries.
func compile(ctx context.Context, dir, version string, packages ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w -X main.version=" + version, "-o", dir + string(filepath.Separator)}, packages...)
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = ".."
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %v: %w\n%s", packages, err, out)
	}
	return nil
}

// buildImage sends the files, the Dockerfile first, to the daemon's classic builder: BuildKit would want to pull its frontend.
func buildImage(ctx context.Context, tag string, files []string) error {
	archive, err := pack(files)
	if err != nil {
		return err
	}
	docker, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer docker.Close()
	answer, err := docker.ImageBuild(ctx, archive, client.ImageBuildOptions{Tags: []string{tag}, Labels: labels, Remove: true, ForceRemove: true})
	if err != nil {
		return fmt.Errorf("build image %s: %w", tag, err)
	}
	defer answer.Body.Close()
	// The answer is the build's log; its last line tells of a failure, and the status is 200 all the same.
	out, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("build image %s: %w", tag, err)
	}
	if bytes.Contains(out, []byte(`"errorDetail"`)) {
		return fmt.Errorf("build image %s: %s", tag, out[max(0, len(out)-500):])
	}
	return nil
}

// pack puts files into a tar archive, each under its base name.
func pack(files []string) (io.Reader, error) {
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		header := &tar.Header{Name: filepath.Base(name), Mode: 0o755, Size: int64(len(body))}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(body); err != nil {
			return nil, err
		}
	}
	return &out, archive.Close()
}
