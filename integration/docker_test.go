//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/client"
)

// label marks everything that this suite makes, so that the next run finds what a killed one left.
const label = "rollcall.integration"

var labels = map[string]string{label: "true"}

// reach tells whether a daemon answers.
func reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	docker, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer docker.Close()
	_, err = docker.Ping(ctx, client.PingOptions{})
	return err
}

// sweep removes every container, network, volume and image of the suite, whichever run made it.
func sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	docker, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer docker.Close()
	ours := client.Filters{}.Add("label", label)
	containers, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return err
	}
	var failures []error
	for _, c := range containers.Items {
		if _, err := docker.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			failures = append(failures, fmt.Errorf("remove container %s: %w", c.ID[:12], err))
		}
	}
	networks, err := docker.NetworkList(ctx, client.NetworkListOptions{Filters: ours})
	if err != nil {
		return err
	}
	for _, n := range networks.Items {
		if _, err := docker.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); err != nil {
			failures = append(failures, fmt.Errorf("remove network %s: %w", n.Name, err))
		}
	}
	volumes, err := docker.VolumeList(ctx, client.VolumeListOptions{Filters: ours})
	if err != nil {
		return err
	}
	for _, v := range volumes.Items {
		if _, err := docker.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true}); err != nil {
			failures = append(failures, fmt.Errorf("remove volume %s: %w", v.Name, err))
		}
	}
	images, err := docker.ImageList(ctx, client.ImageListOptions{Filters: ours})
	if err != nil {
		return err
	}
	for _, i := range images.Items {
		if _, err := docker.ImageRemove(ctx, i.ID, client.ImageRemoveOptions{Force: true, PruneChildren: true}); err != nil {
			failures = append(failures, fmt.Errorf("remove image %s: %w", i.ID, err))
		}
	}
	return errors.Join(failures...)
}
