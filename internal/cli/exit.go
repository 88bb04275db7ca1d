package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"go.uber.org/zap/zapcore"

	"rollcall/internal/config"
	"rollcall/internal/scrub"
)

// Status is how a command ended, as the contract numbers it.
type Status int

// The exit statuses.
const (
	Done   Status = 0
	Failed Status = 1
	Misuse Status = 2 // also a configuration that can't be read
	No     Status = 3 // done, and the answer is no
)

// ExitError ends a command with a status of its own. Without Err nothing is printed: the command has said
// everything.
type ExitError struct {
	Status Status
	Err    error
}

// Error is the cause's text.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Status)
	}
	return e.Err.Error()
}

// Unwrap gives the cause.
func (e *ExitError) Unwrap() error { return e.Err }

// misuse is an error in how the command was called.
func misuse(format string, arguments ...any) error {
	return &ExitError{Status: Misuse, Err: fmt.Errorf(format, arguments...)}
}

// no ends a command that did its work, printed it, and found that the answer is no.
func no() error { return &ExitError{Status: No} }

// report prints an error and gives its exit status.
func (e *Env) report(program string, err error, ran bool) int {
	if err == nil {
		return int(Done)
	}
	status := Failed
	var exit *ExitError
	var file *config.Error
	switch {
	case errors.As(err, &exit):
		status = exit.Status
		if exit.Err == nil {
			return int(status)
		}
	case errors.As(err, &file), !ran:
		status = Misuse
	case errors.Is(err, context.Canceled):
		e.tell("error", program+": interrupted", nil)
		return int(status)
	}
	if !ran {
		err = worded(err)
	}
	if e.json || e.log.Load() != nil {
		e.tell("error", program+": "+err.Error(), map[string]any{"status": status})
		return int(status)
	}
	fmt.Fprintf(e.Stderr, "%s: %s\n", program, scrub.Text(err.Error()))
	if !ran {
		fmt.Fprintf(e.Stderr, "Run '%s --help' for usage.\n", program)
	}
	return int(status)
}

// tell says something on standard error beside a command's result: a JSON object a line where the command prints for programs.
func (e *Env) tell(level, message string, more map[string]any) {
	message = scrub.Text(message) // it names nobody (I12)
	if log := e.log.Load(); log != nil {
		log.Log(map[string]zapcore.Level{"error": zapcore.ErrorLevel}[level], message)
		return
	}
	if !e.json {
		fmt.Fprintln(e.Stderr, message)
		return
	}
	line := map[string]any{"level": level, "msg": message}
	maps.Copy(line, more)
	encoder := json.NewEncoder(e.Stderr)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(line) // texts and numbers; where standard error is gone nobody can be told
}
