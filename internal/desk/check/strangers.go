package check

import (
	"context"
	"slices"
	"strings"

	"rollcall/internal/broker"
)

// strangers names streams that take the subjects of commands: each acknowledges a command before the service answers it, and keeps
// what operators wrote.
func strangers(ctx context.Context, found *Findings, conn *broker.Conn) {
	names, err := conn.StreamsOn(ctx, "rollcall.control.>")
	switch {
	case err != nil:
		found.Fail("broker", "commands", err).Help = "may this user list streams? see docs/permissions.md"
	case len(names) == 0:
		found.Add(Passed, "broker", "commands", "no stream takes their subjects")
	default:
		slices.Sort(names)
		found.Add(Warning, "broker", "commands", "kept by stream "+strings.Join(names, ", ")+", which acknowledges each one; that is passed over, and where nobody is active it takes longer to say so").
			Help = "take rollcall.control.> out of its subjects; `consumer ledger commands DESTINATION` shows what was given"
	}
}
