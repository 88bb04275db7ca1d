package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// confirm asks before something is changed. Where nobody can be asked, --yes has to say it.
func (e *Env) confirm(question string, yes bool) error {
	if yes {
		return nil
	}
	if !e.person && !isTerminal(e.Stdin) {
		return misuse("nobody can be asked here (standard input is no terminal), so nothing was done; --yes answers: %s", question)
	}
	fmt.Fprintf(e.Stderr, "%s [y/N] ", question)
	line, err := bufio.NewReader(e.Stdin).ReadString('\n')
	if err != nil && line == "" {
		return misuse("nothing was answered, so nothing was done")
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return &ExitError{Status: Failed, Err: fmt.Errorf("nothing was done")}
}

// color is how something stands, as a terminal shows it.
type color string

const (
	plain  color = ""
	good   color = "32"
	warned color = "33"
	bad    color = "31"
)

// paint colours text on a terminal, unless NO_COLOR asks for none.
func (e *Env) paint(to io.Writer, c color, text string) string {
	if no, set := e.LookupEnv("NO_COLOR"); c == plain || set && no != "" || !isTerminal(to) {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
