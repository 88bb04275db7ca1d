package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/flight"
)

// Receipts are published before the entry that ends what they tell of, as dead letters are before the entry that covers them:
// whoever takes over after a crash between the two ends the work once more, and publishes once more. That makes them *at
// least once* without a record of what was published.

const (
	receiptPatience = time.Minute
	owedEvery       = 30 * time.Second
	maxOwed         = 1000 // receipts; one more is lost and logged, so that an outage costs no memory (I11)
)

// receipted publishes a receipt until the broker has it, and runs then on the loop once it has. A stream of records that takes
// none must not keep contacts on their way: after a minute, or at once where that has happened to others already, the work ends
// all the same, and the receipt is owed by this process alone, which goes on trying.
func (l *loop) receipted(publish func(context.Context) error, then func()) {
	began := time.Now()
	l.task(func(ctx context.Context) func() {
		err := publish(ctx)
		for err != nil && ctx.Err() == nil && l.owed.Load() == 0 && time.Since(began) < receiptPatience {
			l.log.Warn("a receipt cannot be stored; it is tried again", zap.Error(err))
			pause(ctx)
			err = publish(ctx)
		}
		switch {
		case err == nil:
			return then
		case ctx.Err() != nil:
			return nil // nothing was ended: whoever takes over does both
		}
		l.results <- then
		l.owe(ctx, publish)
		return nil
	})
}

// owe goes on publishing a receipt whose work has ended.
func (l *loop) owe(ctx context.Context, publish func(context.Context) error) {
	defer l.owed.Add(-1)
	if l.owed.Add(1) > maxOwed {
		l.log.Error("a receipt is lost: too many wait for the stream of receipts to take them")
		return
	}
	l.log.Error("a receipt is owed: its work has ended, and the stream of receipts takes none; see: consumer check")
	ticker := time.NewTicker(owedEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if publish(ctx) == nil {
				return
			}
		case <-ctx.Done():
			l.log.Error("a receipt is lost: this process ends before the stream of receipts takes it")
			return
		}
	}
}

// receipt publishes the record of one finished batch, and ends the batch.
func (l *loop) receipt(b *flight.Batch, now time.Time, refused int, reason string, end func()) {
	l.receipted(l.receiptOf("job", map[string]any{
		"operation": b.Operation.String(), "batch": b.ID, "job": b.Job, "intent_at": time.Unix(0, b.At).UTC().Format(time.RFC3339Nano),
		"requested": len(b.Items), "applied": len(b.Items) - refused, "refused": refused, "reason": reason,
		"accepted_after_ms": max(0, (b.Accepted-b.At)/int64(time.Millisecond)),
		"applied_after_ms":  max(0, (now.UnixNano()-b.At)/int64(time.Millisecond)),
	}), end)
}

// receiptOf returns what publishes a receipt. It names nobody.
func (l *loop) receiptOf(kind string, fields map[string]any) func(context.Context) error {
	fields["kind"], fields["time"] = kind, time.Now().UTC().Format(time.RFC3339Nano)
	fields["destination"], fields["name"], fields["owner"] = l.opts.Destination, l.opts.Name, l.opts.Owner
	body, err := json.Marshal(fields)
	return func(ctx context.Context) error {
		if err != nil {
			return fmt.Errorf("encode a receipt: %w", err)
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		l.opts.at(AtReceipt)
		return l.opts.Letters.PublishReceipt(ctx, l.opts.Destination, body)
	}
}
