package ask

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Last reads the last message on a subject from the stream's leader, also where the stream allows direct gets: a replica that lags
// would answer with an older one. jetstream.ErrMsgNotFound is that there is none. An empty prefix is that of the connection's own
// account.
func Last(ctx context.Context, nc *nats.Conn, prefix, stream, subject string) (*Got, error) {
	body, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return nil, err
	}
	if prefix == "" {
		prefix = ownPrefix
	}
	answer, err := nc.RequestWithContext(ctx, prefix+"STREAM.MSG.GET."+stream, body)
	if err != nil {
		return nil, fmt.Errorf("ask for the last message on %s: %w", subject, err)
	}
	return leaders(answer.Data)
}

const ownPrefix = "$JS.API."
