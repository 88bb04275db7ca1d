package ask

import (
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// The broker's error codes for what a limit of the server, the account or the stream does not allow a consumer.
const (
	codeMaxAckPending     = 10121
	codeInactiveThreshold = 10153
)

// Fitting makes a consumer. What the limits of the server, the account or the stream do not allow is left out of the
// second try: the broker then takes what they do allow.
func Fitting(
	cfg jetstream.ConsumerConfig, create func(jetstream.ConsumerConfig) (jetstream.Consumer, error),
) (jetstream.Consumer, error) {
	for {
		consumer, err := create(cfg)
		var refused jetstream.JetStreamError
		if err == nil || !errors.As(err, &refused) || refused.APIError() == nil {
			return consumer, err
		}
		switch code := refused.APIError().ErrorCode; {
		case code == codeMaxAckPending && cfg.MaxAckPending != 0:
			cfg.MaxAckPending = 0
		case code == codeInactiveThreshold && cfg.InactiveThreshold != 0:
			cfg.InactiveThreshold = 0
		default:
			return consumer, err
		}
	}
}
