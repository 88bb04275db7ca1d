// Package house holds the tests of what no single package can promise: the import ladder, the purity of the packages that
// decide (I14), the reasons for each dependency, and that the repository names nothing outside itself. It exports nothing.
package house
