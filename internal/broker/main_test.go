package broker_test

import (
	"testing"

	"rollcall/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(testkit.Overlap(m, 8)) }
