package ask

import (
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The broker's error codes for what a limit of the server, the account or the stream does not allow a consumer.
const (
	// CodeMaxConsumers is of a consumer that would be one more than the account or the stream allows.
	CodeMaxConsumers      = 10026
	codeMaxAckPending     = 10121
	codeInactiveThreshold = 10153
)

// CodeOf is the broker's code of an error, 0 where it is none of the broker's.
func CodeOf(err error) jetstream.ErrorCode {
	if refused, ok := errors.AsType[jetstream.JetStreamError](err); ok && refused.APIError() != nil {
		return refused.APIError().ErrorCode
	}
	if refused, ok := errors.AsType[*nats.APIError](err); ok { // object stores speak through the client's older half
		return jetstream.ErrorCode(refused.ErrorCode)
	}
	return 0
}

// Fitting makes a consumer. What the limits of the server, the account or the stream do not allow is left out of the
// second try: the broker then takes what they do allow.
func Fitting(
	cfg jetstream.ConsumerConfig, create func(jetstream.ConsumerConfig) (jetstream.Consumer, error),
) (jetstream.Consumer, error) {
	for {
		consumer, err := create(cfg)
		switch code := CodeOf(err); {
		case code == codeMaxAckPending && cfg.MaxAckPending != 0:
			cfg.MaxAckPending = 0
		case code == codeInactiveThreshold && cfg.InactiveThreshold != 0:
			cfg.InactiveThreshold = 0
		default:
			return consumer, err
		}
	}
}
