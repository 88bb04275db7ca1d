package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/control"
	"rollcall/internal/desk"
)

// Bounds of what one request over HTTP is given: how many a program may want at once has a limit, and so has our memory (I11).
const (
	storedShown = 50   // of receipts, where no limit is asked for, as `consumer receipts` shows
	storedMost  = 1000 // of receipts, or of dead letters with their details
)

// storedReader answers from what the broker keeps: nobody needs to be active for it.
type storedReader func(ctx context.Context, conn *broker.Conn, destination string, request control.Request) (any, error)

// stored are the readers of that kind by their names under /api/v1/destinations/<id>/.
var stored = map[string]storedReader{"dead-letters": readLetters, "receipts": readReceipts}

// lettersArgs are the flags of `consumer dead-letters list`. What would reveal persons is none of them: a token that is
// given to a dashboard shows counts, reasons and sequences.
type lettersArgs struct {
	Reason   string `json:"reason"`
	Since    string `json:"since"`
	Profile  string `json:"profile"`
	Sequence uint64 `json:"sequence"`
	Limit    int    `json:"limit"`
}

func readLetters(ctx context.Context, conn *broker.Conn, destination string, request control.Request) (any, error) {
	var args lettersArgs
	if err := request.Decode(&args); err != nil {
		return nil, err
	}
	since, err := desk.Since(args.Since, time.Now())
	if err != nil {
		return nil, err
	}
	if err := bounded(args.Limit); err != nil {
		return nil, err
	}
	return desk.Letters(ctx, conn, destination, control.LetterFilter{
		Reason: args.Reason, Since: since, Profile: args.Profile, Sequence: args.Sequence, Limit: args.Limit,
	})
}

// receiptsArgs are the flags of `consumer receipts`.
type receiptsArgs struct {
	Since string `json:"since"`
	Kind  string `json:"kind"`
	Limit int    `json:"limit"`
}

// receiptsAnswer holds receipts as they were published, the newest last.
type receiptsAnswer struct {
	Destination string            `json:"destination"`
	Receipts    []json.RawMessage `json:"receipts"`
}

func readReceipts(ctx context.Context, conn *broker.Conn, destination string, request control.Request) (any, error) {
	var args receiptsArgs
	if err := request.Decode(&args); err != nil {
		return nil, err
	}
	since, err := desk.Since(args.Since, time.Now())
	if err != nil {
		return nil, err
	}
	if err := bounded(args.Limit); err != nil {
		return nil, err
	}
	limit := args.Limit
	if limit == 0 {
		limit = storedShown
	}
	answer := receiptsAnswer{Destination: destination}
	answer.Receipts, err = desk.ChosenReceipts(ctx, conn, destination, desk.ReceiptFilter{Since: since, Kind: args.Kind, Limit: limit})
	return answer, err
}

func bounded(limit int) error {
	if limit < 0 || limit > storedMost {
		return &control.Error{Code: control.Misuse, Message: fmt.Sprintf("limit is %d: it is from 1 to %d; narrow what you ask for by since", limit, storedMost)}
	}
	return nil
}

// noArgs refuses arguments: `consumer ledger commands` has none, and a digest of the state would make the loop stand still.
func noArgs(request control.Request) error { return request.Decode(&struct{}{}) }
