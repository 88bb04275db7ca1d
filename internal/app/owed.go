package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ask"
	"rollcall/internal/pipeline"
)

// lookForOwed is how often an active destination looks whether a recheck was left for it: one that was asked while nobody
// was active may be left a moment after its claim.
const lookForOwed = 30 * time.Second

// hashed is how an owed recheck names an e-mail: whoever reads the ledger's stream learns nothing from it.
func (a *App) hashed(email []byte) string {
	mac := hmac.New(sha256.New, a.secrets.get().HashKey)
	mac.Write(email)
	return hex.EncodeToString(mac.Sum(nil))
}

// owe leaves a recheck for a destination that is active nowhere, so that nobody's erasure waits for it.
func (n neighbours) owe(ctx context.Context, destination string, emails []string) error {
	hashes := make([]string, 0, len(emails))
	for _, e := range emails {
		hashes = append(hashes, n.app.hashed([]byte(e)))
	}
	return n.app.conn.OweRecheck(ctx, destination, hashes)
}

// settleOwed does the rechecks that were left for the destination, now and from time to time, until the context ends.
func (r *runner) settleOwed(ctx context.Context, d *pipeline.Destination) {
	for ok := true; ok; ok = ask.Pause(ctx, lookForOwed) {
		if err := r.settleOnce(ctx, d); err != nil && ctx.Err() == nil {
			r.log.Warn("contacts that another destination's erasure deleted cannot be looked at yet; it is tried again", zap.Error(err))
		}
	}
}

func (r *runner) settleOnce(ctx context.Context, d *pipeline.Destination) error {
	hashes, through, err := r.app.conn.OwedRechecks(ctx, r.cfg.ID)
	if err != nil || through == 0 {
		return err
	}
	owed := make(map[string]bool, len(hashes))
	for _, h := range hashes {
		owed[h] = true
	}
	if len(owed) > 0 {
		if err := d.RecheckWhere(ctx, func(email []byte) bool { return owed[r.app.hashed(email)] }); err != nil {
			return err
		}
	}
	return r.app.conn.RecheckDone(ctx, r.cfg.ID, through)
}
