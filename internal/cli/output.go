package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"rollcall/internal/people"
)

// printJSON writes one value for programs.
func printJSON(to io.Writer, value any) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}

// table aligns rows of cells under a head; the first error in writing is told by flush.
type table struct{ writer *tabwriter.Writer }

func newTable(to io.Writer, head ...string) table {
	t := table{tabwriter.NewWriter(to, 0, 4, 2, ' ', 0)}
	t.row(head...)
	return t
}

// row writes one line. Cells hold neither tabs nor line breaks afterwards.
func (t table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = oneLine(cell)
	}
	// The writer keeps its error for Flush.
	_, _ = fmt.Fprintln(t.writer, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

func (t table) flush() error {
	if err := t.writer.Flush(); err != nil {
		return fmt.Errorf("print a table: %w", err)
	}
	return nil
}

// oneLine keeps terminal control sequences and line breaks of data out of a line.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}

// count and span are the one form of numbers and durations.
func count[N int | int64 | uint64](n N) string { return people.Count(n) }

func span(seconds float64) string { return people.Span(seconds) }
