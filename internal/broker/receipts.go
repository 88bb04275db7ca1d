package broker

import (
	"context"
	"fmt"
)

// PublishReceipt publishes one receipt, JSON without personal data, and returns when it is confirmed.
func (c *Conn) PublishReceipt(ctx context.Context, destination string, receipt []byte) error {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	if _, err := c.JS.Publish(ctx, "rollcall.receipts."+destination, receipt); err != nil {
		return fmt.Errorf("publish a receipt to %s: %w", ReceiptStream, err)
	}
	return nil
}
