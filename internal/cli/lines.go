package cli

import (
	"fmt"
	"io"
)

// lines shows names and values below each other, indented; a value that is empty is left out.
type lines struct{ to io.Writer }

func newLines(to io.Writer) lines { return lines{to} }

const nameWidth = 9

func (l lines) row(name, value string) {
	if value != "" {
		_, _ = fmt.Fprintf(l.to, "  %-*s %s\n", nameWidth, name, value)
	}
}

func (l lines) flush() error { return nil }
