//go:build !unix

package testkit

func beNode() {}
