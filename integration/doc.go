// Package integration runs Rollcall as it is deployed: containers built FROM scratch around static binaries, on a network of
// their own. It needs a Docker daemon and no registry.
//
//   - `make integration` runs it; `go test ./...` alone says SKIPPED and passes.
//   - ROLLCALL_REQUIRE_DOCKER=1 makes a missing daemon a failure instead of a skip.
//   - NATS_IMAGE takes a published NATS server image instead of the one built from the module cache.
//   - Every container, network and image carries the label `rollcall.integration`; a run removes what older ones left first.
//
// It holds tests alone.
package integration
