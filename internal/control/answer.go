package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// answerHeader is by what an answer of the service's is known: whatever else takes the subject, as a stream that keeps commands does,
// answers too, and often first (H44).
const answerHeader = "Rollcall-Answer"

func sign(destination string, command Command) micro.Headers {
	return micro.Headers{answerHeader: []string{destination + "." + string(command)}}
}

func signed(message *nats.Msg, destination string, command Command) bool {
	return message.Header.Get(answerHeader) == destination+"."+string(command)
}

// asked is whom a command goes to.
type asked struct {
	destination string
	command     Command
}

// request sends a command and waits for the service's answer; others are passed over. Where somebody else answers, the broker does
// not tell that no service is there: then the replicas are asked.
func (a asked) request(ctx context.Context, nc *nats.Conn, body []byte) (*nats.Msg, error) {
	inbox := nc.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answers.Unsubscribe() }() // it fails with the connection alone
	if err := nc.PublishRequest(Subject(a.destination, a.command), inbox, body); err != nil {
		return nil, err
	}
	for looked := false; ; {
		message, err := answers.NextMsgWithContext(ctx)
		switch {
		case err != nil:
			return nil, err
		case signed(message, a.destination, a.command):
			return message, nil
		case len(message.Data) == 0 && message.Header.Get("Status") == "503":
			return nil, nats.ErrNoResponders
		case looked:
			continue
		}
		looked = true
		replicas, err := Replicas(ctx, nc, a.destination)
		if err == nil && !slices.ContainsFunc(replicas, func(r Replica) bool { return r.Active }) {
			return a.late(answers, message)
		}
	}
}

// late takes an answer that came while the replicas were asked; without one nobody is active.
func (a asked) late(answers *nats.Subscription, stranger *nats.Msg) (*nats.Msg, error) {
	for {
		message, err := answers.NextMsg(lateAnswer)
		if err != nil && !errors.Is(err, nats.ErrTimeout) {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%w; what answered is %s: take rollcall.control.> out of its subjects, `consumer check` names it", ErrNoneActive, whose(stranger))
		}
		if signed(message, a.destination, a.command) {
			return message, nil
		}
	}
}

const lateAnswer = 10 * time.Millisecond

// whose says who answered in the service's place.
func whose(message *nats.Msg) string {
	var stored struct {
		Stream string `json:"stream"`
	}
	if json.Unmarshal(message.Data, &stored) == nil && stored.Stream != "" {
		return "stream " + stored.Stream
	}
	return "no consumer of Rollcall's"
}
