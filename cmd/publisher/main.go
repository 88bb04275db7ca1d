// Command publisher sends segment membership to the stream that consumers read.
package main

import (
	"context"
	"os"

	"rollcall/internal/cli"
)

// version is set by the build.
var version = "dev"

func main() {
	env := cli.System(version, os.Exit)
	os.Exit(cli.Main(context.Background(), env, cli.Publisher(env), os.Args[1:]))
}
