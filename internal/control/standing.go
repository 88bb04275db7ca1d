package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// Standing is the token of the subject on which every replica, active or not, says how it stands with a
// destination of its configuration.
const Standing Command = "standing"

// How long answers are waited for: replicas that are there answer within a round trip.
const (
	firstAnswer = 500 * time.Millisecond
	nextAnswer  = 150 * time.Millisecond
)

// Announce makes a replica tell, for each of its destinations, what of says, until Stop.
func Announce(nc *nats.Conn, options Options, destinations []string, of func(destination string) Replica) (*Service, error) {
	s := &Service{cancel: func() {}}
	service, err := micro.AddService(nc, micro.Config{
		Name: ServiceName, Version: semantic(options.Version), Description: "A replica, and how it stands with its destinations.",
		Metadata:           map[string]string{"replica": options.Replica, "version": options.Version},
		QueueGroupDisabled: true, // all are to answer
	})
	if err != nil {
		return nil, fmt.Errorf("announce the replica: %w", err)
	}
	s.service = service
	for _, d := range destinations {
		answer := micro.HandlerFunc(func(message micro.Request) {
			s.running.Add(1)
			defer s.running.Done()
			_ = message.RespondJSON(of(d), micro.WithHeaders(sign(d, Standing))) // who asked goes by who answers in time
		})
		if err := service.AddEndpoint(string(Standing)+"-"+d, answer, micro.WithEndpointSubject(Subject(d, Standing))); err != nil {
			return nil, errors.Join(fmt.Errorf("listen for %s of %s: %w", Standing, d, err), s.Stop())
		}
	}
	return s, s.announced(nc)
}

// Replicas asks every replica that has the destination in its configuration how it stands with it. None at
// all is no error.
func Replicas(ctx context.Context, nc *nats.Conn, destination string) ([]Replica, error) {
	before := nc.LastError()
	inbox := nc.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("ask the replicas of %s: %w", destination, err)
	}
	defer func() { _ = answers.Unsubscribe() }() // it fails with the connection alone
	if err := nc.PublishRequest(Subject(destination, Standing), inbox, nil); err != nil {
		return nil, fmt.Errorf("ask the replicas of %s: %w", destination, err)
	}
	var all []Replica
	for wait := firstAnswer; ; wait = nextAnswer {
		message, err := next(ctx, answers, wait)
		if refused := nc.LastError(); len(all) == 0 && !errors.Is(refused, before) && errors.Is(refused, nats.ErrPermissionViolation) {
			return nil, &Error{Code: Refused, Message: fmt.Sprintf("ask the replicas of %s: the broker's permissions do not allow publishing on %s; connect as a reader or an operator", destination, Subject(destination, Standing))}
		}
		if err != nil || len(message.Data) == 0 { // no answer in time, or no responders
			break
		}
		var one Replica
		if !signed(message, destination, Standing) {
			continue
		}
		if json.Unmarshal(message.Data, &one) == nil {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b Replica) int { return strings.Compare(a.Name, b.Name) })
	return all, ctx.Err()
}

func next(ctx context.Context, answers *nats.Subscription, wait time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return answers.NextMsgWithContext(ctx)
}

// Standing adds what the replicas say of themselves: who stands by, whose configuration differs, and why
// nobody is active where nobody is.
func (a *StatusAnswer) Standing(replicas []Replica) {
	for _, r := range replicas {
		if r.Active || r.Name == a.Replica {
			continue
		}
		if a.State != Inactive { // else each says itself whether the ledger's configuration is newer
			r.StaleConfig = r.ConfigHash != a.ConfigHash && r.Revision <= a.Revision
		}
		a.Standbys = append(a.Standbys, r)
		if a.State == Inactive && r.Reason != "" && a.Reason == "" {
			a.State, a.Reason = "suspended", r.Reason
			a.Next = Next(a.Destination, a.State, a.Reason)
		}
		if a.State == Inactive && r.StaleConfig {
			a.Next = fmt.Sprintf("start a consumer with the newer configuration (revision %d), or raise `revision` above it in the file of %s", a.LedgerRevision, r.Name)
		}
	}
}
