package testkit

import (
	"go.uber.org/goleak"
)

// Main is the TestMain of packages that start goroutines: it runs the tests and fails when one was left behind.
// Where the process is a node of a test's cluster, it runs that instead.
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
func Main(m goleak.TestingM, options ...goleak.Option) {
	beNode()
	goleak.VerifyTestMain(m, options...)
}
