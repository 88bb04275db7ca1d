package cli

import (
	"os"
	"testing"

	"rollcall/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Overlap(m, 8).Run()) }
