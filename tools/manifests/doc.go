// Package manifests holds what deployments/ ships for Kubernetes and systemd against what each of them reads: the overlay is built by
// kustomize's own code, every object is decoded strictly into Kubernetes' own types, and the commands in them are asked for their
// flags. It is a module of its own, so that none of this is a dependency of Rollcall's.
package manifests
