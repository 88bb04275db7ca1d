package broker

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
	"go.uber.org/zap"
)

// presencePrefix begins the keys by which replicas say that they are there. A destination's id has no dot.
const presencePrefix = "replica."

// patience is how long a connected board may fail before it goes to another server: longer than an election lasts. A server that its
// peers can't hear answers pings, and nothing else makes its clients leave it.
const patience = 12 * time.Second

// Presence is what a replica says of itself in the bucket of leases. It names no person.
type Presence struct {
	Replica    string   `json:"replica"`
	ConfigHash string   `json:"config_hash"`
	Revision   int      `json:"revision"`
	Serves     []string `json:"serves"`             // destinations that it would run, sorted
	Declines   []string `json:"declines,omitempty"` // those of its file that it can't run as they are
}

// View is how the bucket of leases stood at a look. It may be a moment old: who acts on it is set right by the
// lease's own compare-and-swap.
type View struct {
	Replicas []Presence             // who is there, by name
	Holders  map[string]LeaseHolder // of the leases, by destination
}

// Board says that this replica is there, for as long as it runs, and looks at who else is. It asks again and
// again instead of watching: a look that fails is followed by the next, and nothing has to be resumed after a
// reconnection or an election.
type Board struct {
	conn  *Conn
	ttl   time.Duration
	log   *zap.Logger
	mu    sync.Mutex
	self  Presence
	view  View
	tick  chan struct{} // closed at the next look
	dirty bool          // what we say of ourselves has changed since it was published

	patience time.Duration
}

// BoardOptions says who we are; TTL is after which a replica that says nothing is gone.
type BoardOptions struct {
	Self Presence
	TTL  time.Duration // 0 is 5 s
	Log  *zap.Logger
}

// NewBoard returns a board that Run sets going.
func (c *Conn) NewBoard(o BoardOptions) *Board {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Board{conn: c, ttl: cmp.Or(o.TTL, 5*time.Second), log: o.Log, self: o.Self, tick: make(chan struct{}), dirty: true, patience: patience}
}

// View returns the last look, and a channel that is closed at the next one.
func (b *Board) View() (View, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.view, b.tick
}

// Decline says whether this replica can't run a destination of its file as it is.
func (b *Board) Decline(destination string, declines bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from, to := &b.self.Declines, &b.self.Serves
	if declines {
		from, to = to, from
	}
	i := slices.Index(*from, destination)
	if i < 0 {
		return
	}
	// The slices that were handed out stay as they are.
	*from = slices.Delete(slices.Clone(*from), i, i+1)
	*to = append(slices.Clone(*to), destination)
	slices.Sort(*to)
	b.dirty = true
}

// Run looks and says until the context ends, and then takes our presence away.
func (b *Board) Run(ctx context.Context) {
	every := time.NewTicker(min(250*time.Millisecond, b.ttl/10))
	defer every.Stop()
	var said time.Time
	heard := time.Now()
	for failures := 0; ; {
		err := b.say(ctx, &said)
		if err == nil {
			err = b.look(ctx)
		}
		switch {
		case ctx.Err() != nil:
			b.leave(context.WithoutCancel(ctx))
			return
		case err == nil:
			failures, heard = 0, time.Now()
		default:
			if time.Since(heard) > b.patience {
				b.elsewhere(err)
				heard = time.Now()
			}
			if failures++; failures%20 == 0 {
				b.log.Warn("the bucket of leases cannot be read; it is tried again", zap.Error(err))
				if err := b.conn.ensureLeases(ctx, b.conn.replicas); err != nil {
					b.log.Debug("make the bucket of leases", zap.Error(err))
				}
			}
		}
		select {
		case <-every.C:
		case <-ctx.Done():
		}
	}
}

// elsewhere leaves a server that answers nothing: another may be with the majority.
func (b *Board) elsewhere(err error) {
	if !b.conn.NC.IsConnected() {
		return // it looks for another already
	}
	b.log.Warn("the broker's server takes nothing; another is tried", zap.String("server", b.conn.NC.ConnectedUrlRedacted()), zap.Error(err))
	if err := b.conn.NC.ForceReconnect(); err != nil {
		b.log.Debug("leave the server", zap.Error(err))
	}
}

func (b *Board) key() string {
	digest := sha256.Sum256([]byte(b.self.Replica)) // a host's name may hold what a key can't
	return presencePrefix + hex.EncodeToString(digest[:8])
}

// say publishes our presence where it changed or grows old.
func (b *Board) say(ctx context.Context, said *time.Time) error {
	b.mu.Lock()
	body, err := json.Marshal(b.self)
	due := b.dirty || time.Since(*said) > b.ttl/3
	b.dirty = false
	b.mu.Unlock()
	if err != nil || !due {
		return err
	}
	began := time.Now()
	try, cancel := context.WithTimeout(ctx, b.ttl/3)
	defer cancel()
	_, err = b.conn.JS.Publish(try, "$KV."+LeaseBucket+"."+b.key(), body, jetstream.WithMsgTTL(b.ttl), jetstream.WithRetryAttempts(0))
	if err != nil {
		*said = time.Time{}
		return fmt.Errorf("say that this replica is there: %w", err)
	}
	*said = began
	return nil
}

func (b *Board) look(ctx context.Context) error {
	view, err := b.conn.Leases(ctx)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.view = view
	close(b.tick)
	b.tick = make(chan struct{})
	return nil
}

func (b *Board) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	kv, err := b.conn.JS.KeyValue(ctx, LeaseBucket)
	if err == nil {
		err = kv.Delete(ctx, b.key())
	}
	if err != nil {
		b.log.Debug("the presence was not taken away; it ends by itself", zap.Error(err))
	}
}

// Leases reads who is there and who holds what, with one request.
func (c *Conn) Leases(ctx context.Context) (View, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	view := View{Holders: map[string]LeaseHolder{}}
	prefix := "$KV." + LeaseBucket + "."
	messages, err := jetstreamext.GetLastMsgsFor(ctx, c.JS, "KV_"+LeaseBucket, []string{prefix + ">"})
	if err != nil {
		return view, fmt.Errorf("read the leases: %w", err)
	}
	there := map[string]Presence{}
	for msg, err := range messages {
		if errors.Is(err, jetstreamext.ErrNoMessages) {
			break
		}
		if err != nil {
			return view, fmt.Errorf("read the leases: %w", err)
		}
		key, ok := strings.CutPrefix(msg.Subject, prefix)
		if !ok || len(msg.Data) == 0 { // a marker: given back, or ended
			continue
		}
		if strings.HasPrefix(key, presencePrefix) {
			var p Presence
			if json.Unmarshal(msg.Data, &p) == nil {
				there[p.Replica] = p
			}
			continue
		}
		var holder LeaseHolder
		if json.Unmarshal(msg.Data, &holder) == nil {
			view.Holders[key] = holder
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		view.Replicas = append(view.Replicas, there[name])
	}
	return view, nil
}
