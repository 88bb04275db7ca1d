package testkit

import (
	"go.uber.org/goleak"
)

// Main is the TestMain of packages that start goroutines: it runs the tests and fails when one was left behind.
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
func Main(m goleak.TestingM, options ...goleak.Option) {
	goleak.VerifyTestMain(m, options...)
}
