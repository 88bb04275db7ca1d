package broker

import (
	"errors"
	"fmt"
)

// ErrStreamMissing says that a stream isn't there.
var ErrStreamMissing = errors.New("the stream does not exist")

// UnfitError says that a stream, which Rollcall did not make or somebody changed, has a setting that
// contradicts what Rollcall needs of it. It is never changed for them.
type UnfitError struct {
	Stream  string
	Setting string // as the broker names it
	Value   string // what it is
	Need    string // what it has to be, and why
	Help    string // the command or act that helps
}

func (e *UnfitError) Error() string {
	return fmt.Sprintf("stream %s does not fit: %s is %s, needed is %s: %s", e.Stream, e.Setting, e.Value, e.Need, e.Help)
}

// edit is the help for a setting that can be edited in place.
func edit(stream, flag string) string {
	return fmt.Sprintf("`nats stream edit %s %s`, or name another stream", stream, flag)
}

// remake is the help for a setting that a broker does not let anybody change.
func remake(stream string) string {
	return "this can't be edited: name another stream, or remove " + stream + " and let `consumer run` make it"
}
