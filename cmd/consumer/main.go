// Command consumer keeps SendGrid contact lists equal to segments.
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
	os.Exit(cli.Main(context.Background(), env, cli.Consumer(env), os.Args[1:]))
}
