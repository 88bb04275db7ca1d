// Package control carries operators' commands to the active replica of a destination, as the NATS micro
// service "rollcall" on subjects rollcall.control.<destination>.<command>.
//
// It guarantees that a command reaches at most the replicas that serve the destination at that moment,
// that it is answered once, with a result or with an error that has a code, and that a caller can tell
// "nobody is active" and "you may not" from "it failed". It authorises nobody: the broker's permissions on
// the subjects do. It does not try again either: a command that was not answered may have been done.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ServiceName is what `nats micro ls` shows.
const ServiceName = "rollcall"

// Command is the last token of a command's subject.
type Command string

// The commands. Readers are answered without a ledger entry, the others are recorded with who and comment.
const (
	Status  Command = "status"
	Explain Command = "explain"
	Waiting Command = "waiting"
	Pause   Command = "pause"
	Resume  Command = "resume"
	Flush   Command = "flush"
	Approve Command = "approve"
	Replay  Command = "replay"
	Rebase  Command = "rebase"
	Verify  Command = "verify"
	Remove  Command = "remove"
	Retry   Command = "dead-letters-retry"
	Discard Command = "dead-letters-discard"
	Backup  Command = "ledger"
	Recheck Command = "recheck" // of consumers among themselves: the account has these contacts no more
)

// Commands are all of them, in the order in which a service lists its endpoints.
var Commands = []Command{
	Status, Explain, Waiting, Pause, Resume, Flush, Approve, Replay, Rebase, Verify, Remove, Retry, Discard, Backup, Recheck,
}

// Request is the body of a command. One that changes something has to name its destination and who gives it: what else may arrive
// on its subject, an acknowledgement or an advisory of the broker's, is no command.
type Request struct {
	Destination string          `json:"destination,omitempty"` // the one of the subject
	Who         string          `json:"who,omitempty"`         // the operator, as their machine names them
	Comment     string          `json:"comment,omitempty"`     // kept with the ledger entry
	Args        json.RawMessage `json:"args,omitempty"`        // the command's own, an object
}

// Readers are the commands that change nothing.
var Readers = []Command{Status, Explain, Waiting, Backup, Standing}

// Changes reports whether a command changes something.
func (c Command) Changes() bool { return !slices.Contains(Readers, c) }

// meant refuses a request to change something that does not say what and by whom.
func (r Request) meant(destination string, command Command) error {
	switch {
	case !command.Changes():
		return nil
	case r.Destination != destination:
		return &Error{Code: Misuse, Message: fmt.Sprintf("%s of %s: the request's body has to name the destination (is the command line of another release?)", command, destination)}
	case r.Who == "":
		return &Error{Code: Misuse, Message: fmt.Sprintf("%s of %s: the request's body has to say who gives the command", command, destination)}
	}
	return nil
}

// Decode reads the arguments into a struct; keys that it does not have are an error, so that a newer
// operator's wish is never half done by an older consumer.
func (r Request) Decode(into any) error {
	if len(r.Args) == 0 {
		return nil
	}
	if err := strict(r.Args, into); err != nil {
		return &Error{Code: Misuse, Message: fmt.Sprintf("read the command's arguments: %v", err)}
	}
	return nil
}

// Code says what kind of error a command ended with, in the numbers of HTTP.
type Code string

// The codes.
const (
	Misuse   Code = "400" // the request can't be read or makes no sense
	Refused  Code = "403" // the broker's permissions do not allow it
	NotFound Code = "404" // what it names is not known to the destination
	Conflict Code = "409" // the state does not allow it, or another command is under way
	TooLarge Code = "413" // the answer does not fit a message: narrow it
	Failed   Code = "500"
	NoAnswer Code = "504" // nobody answered in time: it may have been done
)

// Error is a command that was not done, or not answered.
type Error struct {
	Code    Code
	Message string
}

// Error gives the message alone: it is written for the operator.
func (e *Error) Error() string { return e.Message }

// ErrNoneActive is the answer where no consumer is active for the destination.
var ErrNoneActive = errors.New("no consumer is active for it")

// CodeOf is the code of an error; Failed for one that has none.
func CodeOf(err error) Code {
	if failed, ok := errors.AsType[*Error](err); ok {
		return failed.Code
	}
	return Failed
}

// Subject is where a command is sent to.
func Subject(destination string, command Command) string {
	return "rollcall.control." + destination + "." + string(command)
}

func known(command Command) bool { return slices.Contains(Commands, command) }

// HTTPStatus is the code as a number, for the same reader over HTTP.
func (e *Error) HTTPStatus() int {
	status, err := strconv.Atoi(string(e.Code))
	if err != nil {
		return 500
	}
	return status
}
