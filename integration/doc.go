// Package integration runs Rollcall as it is deployed: the compose file of deployments/, with its images (FROM scratch around static
// binaries), commands, mounts and networks, on containers. It needs a Docker daemon and no registry.
//
//   - `make integration` runs it, with the build tag `integration`: `make test` does not compile a Docker client. Without
//     ROLLCALL_INTEGRATION=1 it says SKIPPED and passes.
//   - ROLLCALL_REQUIRE_DOCKER=1 makes a missing daemon a failure instead of a skip.
//   - NATS_IMAGE takes a published NATS server image instead of the one built from the module cache.
//   - Containers, networks, volumes and images carry the label `rollcall.integration`; a run removes what older ones left first, and
//     its own at its end, also when it is interrupted.
//   - ROLLCALL_SEED decides when trouble strikes and who comes and goes; each run prints its own.
//
// Each scenario runs under events that never pause, and ends with the audit of the list, contact by contact (internal/demo/audit),
// and with the check of the whole history so far (package history): every acknowledged event is accounted for, and no change of
// the list lacks an event that had asked for it. The ledger is read from outside: every entry must be of the process that claimed
// last. The table at the end counts what the daemon and the ledger saw; a scenario fails where that is less than it says.
//
// It holds tests alone.
package integration
