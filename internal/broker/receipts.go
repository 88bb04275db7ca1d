package broker

import (
	"context"
	"fmt"
)

// PublishReceipt publishes one receipt, JSON without personal data, and returns when it is confirmed. The proof of an erasure is
// kept beside the journals first: receipts age.
func (c *Conn) PublishReceipt(ctx context.Context, destination string, receipt []byte) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	if err := c.KeepProof(ctx, destination, receipt); err != nil {
		return err
	}
	if _, err := c.JS.Publish(ctx, "rollcall.receipts."+destination, receipt); err != nil {
		return fmt.Errorf("publish a receipt to %s: %w", ReceiptStream, err)
	}
	return nil
}
