// Package walkthrough holds the test that the README's ten-minute walk-through works as written: it takes the commands out of the
// README and runs them in order, in one shell, with the ones that keep running beside it.
//
// The README marks its part by comments, and gives each block a word after the language: none runs to its end, `keeps-running`
// stays until the last command has ended, and `port=N` says where it will listen. Only the folder is another one than written,
// and the ports, where something else holds them.
package walkthrough
