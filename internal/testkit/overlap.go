package testkit

import (
	"flag"
	"strconv"
	"testing"
)

// Overlap is for a TestMain, before it runs the tests: so many parallel tests run at once, whatever the number of cores,
// because they wait far more than they compute: for windows, elections and a simulator's clock. Under the race detector, which
// makes them compute, it is half as many. The flag -parallel still decides where it is given. It returns m, so that a
// TestMain stays one line.
func Overlap(m *testing.M, tests int) *testing.M {
	if raced {
		tests = max(tests/2, 1)
	}
	if err := flag.Set("test.parallel", strconv.Itoa(tests)); err != nil {
		panic(err) // the testing package has had this flag since Go 1
	}
	return m
}
