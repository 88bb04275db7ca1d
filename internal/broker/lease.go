package broker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"rollcall/internal/ask"
)

// LeaseOptions describes one replica's claim to a lease.
type LeaseOptions struct {
	Destination string
	Replica     string
	TTL         time.Duration // after it, a lease that nobody renews is free; 0 is 5 s
	ConfigHash  string
	Revision    int
	Log         *zap.Logger
}

// LeaseHolder is what a lease says of its holder. It names no person.
type LeaseHolder struct {
	Replica    string `json:"replica"`
	ConfigHash string `json:"config_hash"`
	Revision   int    `json:"revision"`
}

// Lease says which replica is to be active for a destination. It is a hint that keeps replicas from
// claiming in turns: what keeps two from working is the ledger's fence, also while the lease is wrong
// (docs/adr/0004-lease-and-fence.md). One goroutine uses it.
type Lease struct {
	conn     *Conn
	opts     LeaseOptions
	value    []byte
	revision uint64
	renewer  chan struct{} // closed when the renewing goroutine has ended; nil while the lease is not held
	stop     context.CancelFunc
}

// NewLease returns a lease that is not held.
func (c *Conn) NewLease(o LeaseOptions) *Lease {
	o.TTL = cmp.Or(o.TTL, 5*time.Second)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	value, _ := json.Marshal(LeaseHolder{o.Replica, o.ConfigHash, o.Revision}) // strings and numbers always encode
	return &Lease{conn: c, opts: o, value: value}
}

// Try asks for the lease, and reports false where another has it. The context that it returns ends with
// ctx, or as soon as the lease may be another's: when somebody took it, or when it could not be renewed for most
// of its time. Release has to follow.
func (l *Lease) Try(ctx context.Context) (context.Context, bool, error) {
	bound, cancel := withDefaultTimeout(ctx)
	defer cancel()
	var began time.Time
	silent := false // an earlier try was not answered: the lease that is there may be ours
	revision, err := ask.Until(bound, func(ctx context.Context) (uint64, error) {
		began = time.Now()
		revision, err := l.create(ctx)
		if silent && errors.Is(err, jetstream.ErrKeyExists) && l.ours(ctx) {
			return l.revision, nil
		}
		silent = silent || !ask.Answered(err)
		return revision, err
	})
	if errors.Is(err, jetstream.ErrKeyExists) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("ask for the lease of %s: %w", l.opts.Destination, err)
	}
	l.revision = revision
	return l.hold(ctx, began), true, nil
}

func (l *Lease) create(ctx context.Context) (uint64, error) {
	kv, err := l.conn.JS.KeyValue(ctx, LeaseBucket)
	if err != nil {
		return 0, fmt.Errorf("open the bucket %s: %w", LeaseBucket, err)
	}
	return kv.Create(ctx, l.opts.Destination, l.value, jetstream.KeyTTL(l.opts.TTL))
}

func (l *Lease) hold(ctx context.Context, began time.Time) context.Context {
	held, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	l.renewer, l.stop = done, cancel
	go func() {
		defer close(done)
		defer cancel()
		l.renew(held, began)
	}()
	return held
}

// renew keeps the lease until the context ends or the lease is lost.
func (l *Lease) renew(ctx context.Context, confirmed time.Time) {
	every := time.NewTicker(l.opts.TTL / leaseRenewals)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		began := time.Now()
		try, cancel := context.WithTimeout(ctx, l.opts.TTL/leaseRenewals)
		ack, err := l.conn.JS.Publish(try, "$KV."+LeaseBucket+"."+l.opts.Destination, l.value,
			jetstream.WithExpectLastSequencePerSubject(l.revision), jetstream.WithMsgTTL(l.opts.TTL))
		cancel()
		var refused *jetstream.APIError
		switch {
		case err == nil:
			l.revision, confirmed = ack.Sequence, began
		case ctx.Err() != nil:
			return
		case errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence && !l.ours(ctx):
			l.opts.Log.Warn("the lease was lost: another replica has it")
			return
		case time.Since(confirmed) > time.Duration(leaseGivesUp*float64(l.opts.TTL)):
			l.opts.Log.Warn("the lease may be lost: it could not be renewed", zap.Error(err))
			return
		}
	}
}

// ours reports whether what the bucket holds is of ours all the same: the answer to an earlier renewal
// may have been lost.
func (l *Lease) ours(ctx context.Context) bool {
	holder, revision, err := l.conn.leaseHolder(ctx, l.opts.Destination)
	if err != nil || holder.Replica != l.opts.Replica || revision == 0 {
		return false
	}
	l.revision = revision
	return true
}

// Release gives the lease back, so that another replica need not wait for its end.
func (l *Lease) Release(ctx context.Context) error {
	if l.renewer == nil {
		return nil
	}
	l.stop()
	<-l.renewer
	l.renewer = nil
	kv, err := l.conn.JS.KeyValue(ctx, LeaseBucket)
	if err != nil {
		return fmt.Errorf("release the lease of %s: %w", l.opts.Destination, err)
	}
	if err := kv.Delete(ctx, l.opts.Destination, jetstream.LastRevision(l.revision)); err != nil {
		return fmt.Errorf("release the lease of %s: %w", l.opts.Destination, err)
	}
	return nil
}

// LeaseHolder returns who holds a destination's lease; false where nobody does.
func (c *Conn) LeaseHolder(ctx context.Context, destination string) (LeaseHolder, bool, error) {
	holder, revision, err := c.leaseHolder(ctx, destination)
	return holder, revision > 0, err
}

func (c *Conn) leaseHolder(ctx context.Context, destination string) (holder LeaseHolder, revision uint64, err error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	kv, err := c.JS.KeyValue(ctx, LeaseBucket)
	if err != nil {
		return holder, 0, fmt.Errorf("open the bucket %s: %w", LeaseBucket, err)
	}
	entry, err := kv.Get(ctx, destination)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return holder, 0, nil
	}
	if err != nil {
		return holder, 0, fmt.Errorf("read the lease of %s: %w", destination, err)
	}
	if err := json.Unmarshal(entry.Value(), &holder); err != nil {
		return holder, 0, fmt.Errorf("read the lease of %s: %w", destination, err)
	}
	return holder, entry.Revision(), nil
}
