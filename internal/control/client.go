package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// Call sends a command and reads its result into answer (nil where it is not wanted). Without anybody
// active the error is ErrNoneActive; without an answer until ctx ends it is an *Error that says so, and
// the command may have been done.
func Call(ctx context.Context, nc *nats.Conn, destination string, command Command, request Request, answer any) error {
	if !known(command) {
		return &Error{Code: Misuse, Message: fmt.Sprintf("there is no command %s", command)}
	}
	request.Destination = destination
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	message, err := ask(ctx, nc, asked{destination, command}, body)
	switch {
	case errors.Is(err, ErrNoneActive):
		return fmt.Errorf("send %s to %s: %w", command, destination, err)
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("send %s to %s: %w: start one with `consumer run`, or see `consumer status`", command, destination, ErrNoneActive)
	case errors.Is(err, nats.ErrPermissionViolation):
		return &Error{Code: Refused, Message: fmt.Sprintf("send %s to %s: the broker's permissions do not allow publishing on %s; connect as an operator", command, destination, Subject(destination, command))}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return &Error{Code: NoAnswer, Message: fmt.Sprintf("send %s to %s: no answer in time; it may have been done all the same, see `consumer status`", command, destination)}
	case err != nil:
		return fmt.Errorf("send %s to %s: %w", command, destination, err)
	}
	if code := message.Header.Get(micro.ErrorCodeHeader); code != "" {
		return &Error{Code: Code(code), Message: message.Header.Get(micro.ErrorHeader)}
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(message.Data, answer); err != nil {
		return fmt.Errorf("read the answer to %s of %s: %w (is the consumer of another release?)", command, destination, err)
	}
	return nil
}

// refusalPoll is how often a request without an answer looks whether the broker refused it: a refused
// publish has no other sign than the connection's last error.
const refusalPoll = 25 * time.Millisecond

func ask(ctx context.Context, nc *nats.Conn, to asked, body []byte) (*nats.Msg, error) {
	before := nc.LastError()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		ticker := time.NewTicker(refusalPoll)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				if err := nc.LastError(); !errors.Is(err, before) && errors.Is(err, nats.ErrPermissionViolation) {
					cancel(err)
					return
				}
			}
		}
	}()
	message, err := to.request(ctx, nc, body)
	close(done)
	<-watched
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, nats.ErrPermissionViolation) {
		return nil, cause
	}
	return message, err
}

// Who names the operator of this machine for the ledger: user@host.
func Who() string {
	name := "unknown"
	if account, err := user.Current(); err == nil {
		name = account.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}

var semanticPattern = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// semantic gives a version that the micro protocol takes; a build without one is 0.0.0.
func semantic(version string) string {
	if len(version) > 1 && version[0] == 'v' {
		version = version[1:]
	}
	if semanticPattern.MatchString(version) {
		return version
	}
	return "0.0.0"
}
