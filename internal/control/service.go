package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.uber.org/zap"

	"rollcall/internal/scrub"
)

// Handler does the commands of one destination. Command is called by one goroutine a command, so that
// several commands may run at once, but no command beside itself. Its result is encoded as JSON; its
// error reaches the operator, with the code of an *Error.
type Handler interface {
	Command(ctx context.Context, command Command, request Request) (any, error)
}

// Options describes the replica that serves.
type Options struct {
	Destination string
	Replica     string // as the lease names it
	Version     string // of the program; anything that is no semantic version is shown as metadata alone
	Log         *zap.Logger
}

// Service serves one destination until Stop.
type Service struct {
	service micro.Service
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// Serve announces the service and answers commands: call it once the claim is committed.
func Serve(nc *nats.Conn, options Options, handler Handler) (*Service, error) {
	options.Log = scrub.Logger(options.Log)
	ctx, cancel := context.WithCancel(context.Background())
	s := &Service{cancel: cancel}
	service, err := micro.AddService(nc, micro.Config{
		Name: ServiceName, Version: semantic(options.Version),
		Description: "Keeps SendGrid lists equal to segments; commands for the active replica of a destination.",
		Metadata: map[string]string{
			"destination": options.Destination, "replica": options.Replica, "version": options.Version,
		},
		QueueGroupDisabled: true, // one replica is active; were there two, both must hear
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("announce the service %s for %s: %w", ServiceName, options.Destination, err)
	}
	s.service = service
	for _, command := range Commands {
		answer := s.answerer(ctx, nc, served{options.Destination, command, handler}, options.Log)
		if err := service.AddEndpoint(string(command), answer, micro.WithEndpointSubject(Subject(options.Destination, command))); err != nil {
			return nil, errors.Join(fmt.Errorf("listen for %s of %s: %w", command, options.Destination, err), s.Stop())
		}
	}
	return s, s.announced(nc)
}

// announced waits until the broker knows every subscription: from then on a command finds its replica.
func (s *Service) announced(nc *nats.Conn) error {
	if err := nc.FlushTimeout(announceTimeout); err != nil {
		return errors.Join(fmt.Errorf("announce the service %s: %w", ServiceName, err), s.Stop())
	}
	return nil
}

const announceTimeout = 5 * time.Second

// Stop ends the service: commands under way get a cancelled context, and are waited for.
func (s *Service) Stop() error {
	s.cancel()
	err := s.service.Stop()
	s.running.Wait()
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("end the service %s: %w", ServiceName, err)
	}
	return nil
}

// served is one command of the destination, and who does it.
type served struct {
	destination string
	command     Command
	handler     Handler
}

// answerer is the endpoint of one command.
func (s *Service) answerer(ctx context.Context, nc *nats.Conn, to served, log *zap.Logger) micro.HandlerFunc {
	signed := micro.WithHeaders(sign(to.destination, to.command))
	return func(message micro.Request) {
		s.running.Add(1)
		defer s.running.Done()
		answer, err := to.do(ctx, message.Data())
		if limit := nc.MaxPayload() - headerRoom; err == nil && int64(len(answer)) > limit {
			err = &Error{Code: TooLarge, Message: fmt.Sprintf("the answer of %d bytes is more than a message holds (%d): ask for less, with --limit or a filter", len(answer), limit)}
		}
		if err != nil {
			// Who asked is told what they asked for; the log is for others, so that nothing of the request stands in it.
			log.Warn("a command was not done", zap.String("command", string(to.command)), zap.String("code", string(CodeOf(err))),
				zap.Error(scrub.Error(err, scrub.Values(message.Data(), true)...)))
			err = message.Error(string(CodeOf(err)), scrub.Text(err.Error()), nil, signed)
		} else {
			err = message.Respond(answer, signed)
		}
		if err != nil {
			log.Warn("a command could not be answered", zap.String("command", string(to.command)), zap.Error(err))
		}
	}
}

// headerRoom is kept free in a message for its headers.
const headerRoom = 4096

func (s served) do(ctx context.Context, body []byte) ([]byte, error) {
	var request Request
	if len(body) > 0 {
		if err := strict(body, &request); err != nil {
			return nil, &Error{Code: Misuse, Message: fmt.Sprintf("read the request: %v", err)}
		}
	}
	if err := request.meant(s.destination, s.command); err != nil {
		return nil, err
	}
	result, err := s.handler.Command(ctx, s.command, request)
	if err != nil {
		return nil, err
	}
	answer, err := json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return answer, nil
}

func strict(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
