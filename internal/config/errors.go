package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a file, and what to do about it. Its text never holds a
// value that was expanded from the environment.
type Problem struct {
	Line    int    `json:"line,omitempty"` // from 1; 0 where the file has no line for it
	Column  int    `json:"column,omitempty"`
	Key     string `json:"key,omitempty"` // as accounts[0].api_key
	Message string `json:"message"`
}

// Error is a file that can't be used: exit status 2.
type Error struct {
	Path     string
	Problems []Problem // by line; never empty
}

// Error gives one line a problem: file:line:column: key: message.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		at := e.Path
		if p.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", e.Path, p.Line, p.Column)
		}
		if p.Key != "" {
			at += ": " + p.Key
		}
		lines = append(lines, at+": "+p.Message)
	}
	return strings.Join(lines, "\n")
}
