// Command publisher sends segment membership to the stream that consumers read.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"rollcall/internal/cli"
)

// version is set by the build.
var version = "dev"

// garbage is how much of the live memory may be garbage before it is collected, in per cent: a publisher runs beside an engine, which
// needs the memory more.
const garbage = 50

func main() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(garbage)
	}
	env := cli.System(version, os.Exit)
	os.Exit(cli.Main(context.Background(), env, cli.Publisher(env), os.Args[1:]))
}
