package app

import (
	"cmp"
	"runtime"
	"runtime/debug"

	"rollcall/internal/config"
	"rollcall/internal/telemetry"
)

// builtAs names the build and the configuration, as far as the caller has not.
func builtAs(o Options, cfg *config.Config) telemetry.Build {
	b := o.Build
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	b.Version = cmp.Or(b.Version, o.Version, "unknown")
	b.Revision = cmp.Or(b.Revision, revision, "unknown")
	b.GoVersion = cmp.Or(b.GoVersion, runtime.Version())
	b.ConfigHash = cmp.Or(b.ConfigHash, cfg.Hash())
	return b
}
