package bench

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"rollcall/internal/broker"
	"rollcall/internal/control"
	"rollcall/internal/publish"
	"rollcall/internal/segment"
	"rollcall/internal/sendgrid/simulator"
)

const (
	outageScale  = 20                                         // of the simulator's clock
	outageDoubt  = 60*time.Second + 5*time.Minute/outageScale // request_timeout and horizon
	outageAsleep = 10 * time.Second                           // what the back-off may still wait for when SendGrid is back, and a job's time
	outageCatch  = 10 * time.Minute                           // within which the list must be right again
	ackBound     = 5 * time.Second                            // for the acknowledgement that follows a commit
)

// Outage measures an outage of SendGrid: everybody is listed once, SendGrid goes away, the events of many rounds of
// changes come, and SendGrid is back. It fails where the consumer's process has more resident than its memory_limit, where
// the broker's pending list grows with the outage, or where catching up takes longer than listing everybody did; contacts that
// were in doubt when SendGrid came back may take their horizon besides.
func Outage(ctx context.Context, o Operated) error {
	w := &watched{Handler: simulator.New(simulator.Options{ClockScale: outageScale, Seed: 1}), asked: map[int]time.Time{}}
	sim := w.Handler.(*simulator.Simulator)
	sim.AddList(listID, "bench")
	url, stop, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	events := o.Events
	o.Events, o.Keyed = o.Contacts, true
	i, err := newInstallation(ctx, o, url, fmt.Sprintf("clock_scale: %d", outageScale))
	if err != nil {
		return err
	}
	defer i.close()
	began := time.Now()
	if err := i.start(ctx, o.Contacts); err != nil {
		return err
	}
	listed := time.Since(began)
	fmt.Fprintf(o.Said, "outage: %d events of %d contacts, memory_limit %d MiB\n", events, o.Contacts, o.Memory>>20)
	fmt.Fprintf(o.Said, "  before        %s to list everybody, %.0f contacts/s; %d MiB resident\n",
		listed.Round(100*time.Millisecond), float64(o.Contacts)/listed.Seconds(), i.resident()>>20)
	if err := sim.SetFaults([]simulator.Fault{{Kind: "status", Status: 503}}); err != nil {
		return err
	}
	doubtful, err := i.outage(ctx, events/o.Contacts)
	if err != nil {
		return err
	}
	if err := sim.SetFaults(nil); err != nil {
		return err
	}
	return i.catchUp(ctx, listed, doubtful)
}

// outage publishes rounds of changes of everybody, waits until the last is taken over, and returns how many contacts are in
// doubt then.
func (i *installation) outage(ctx context.Context, rounds int) (doubtful int, err error) {
	began, last := time.Now(), uint64(i.o.Contacts*(rounds+1))
	err = send(ctx, i.conn, stream, rounds*i.o.Contacts, func(yield func(publish.Row) error) error { return changes(i.o.Contacts, rounds, yield) })
	if err != nil {
		return 0, err
	}
	published := time.Since(began)
	var a *control.StatusAnswer
	err = i.until(ctx, func(now *control.StatusAnswer) bool { a = now; return now.Cursor >= last })
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	events := float64(rounds * i.o.Contacts)
	fmt.Fprintf(i.o.Said, "  SendGrid away %.0f events/s published, %.0f events/s taken over; dirty %d of %d; ledger %d MiB\n",
		events/published.Seconds(), events/took.Seconds(), a.Dirty, i.o.Contacts, a.LedgerBytes>>20)
	return a.InDoubt, i.brokerHoldsNothing(ctx, last)
}

// brokerHoldsNothing waits a moment for the last acknowledgement: then no event waits in the broker's pending list.
func (i *installation) brokerHoldsNothing(ctx context.Context, last uint64) error {
	for until := time.Now().Add(ackBound); ; time.Sleep(50 * time.Millisecond) {
		consumer, found, err := i.conn.InspectConsumer(ctx, stream, destination)
		switch {
		case err != nil:
			return err
		case found && consumer.Pending == 0 && consumer.AckFloor >= last:
			return i.disk(ctx)
		case time.Now().After(until):
			return fmt.Errorf("events wait at the broker: of %d it knows %+v", last, consumer)
		}
	}
}

// disk tells what the broker keeps of it all.
func (i *installation) disk(ctx context.Context) error {
	size := map[string]uint64{}
	for _, name := range []string{stream, broker.LedgerStream, "OBJ_" + broker.SnapshotBucket} {
		s, err := i.conn.JS.Stream(ctx, name)
		if err != nil {
			return fmt.Errorf("look at stream %s: %w", name, err)
		}
		size[name] = s.CachedInfo().State.Bytes
	}
	var files int64
	err := filepath.WalkDir(i.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // the broker compacts its files meanwhile
		}
		if info, err := entry.Info(); err == nil {
			files += info.Size()
		}
		return nil
	})
	fmt.Fprintf(i.o.Said, "  the broker    every event acknowledged, none pending; events %d MiB, journal %d MiB, snapshots %d MiB, files %d MiB\n",
		size[stream]>>20, size[broker.LedgerStream]>>20, size["OBJ_"+broker.SnapshotBucket]>>20, files>>20)
	return err
}

// changes yields rounds of changes, each of everybody.
func changes(contacts, rounds int, yield func(publish.Row) error) error {
	var attributes []byte
	for round := range rounds {
		for n := range contacts {
			attributes = fmt.Appendf(attributes[:0],
				`{"email":"person.%07d@example.com","first_name":"Ada %d","last_name":"Lovelace","country":"GB","city":"London","postal_code":"EC1A 1BB"}`, n, round)
			row := publish.Row{Segment: segmentID, Profile: fmt.Sprintf("p%07d", n), Change: segment.Entered, Attributes: attributes}
			if err := yield(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// catchUp waits until the list is right, and judges how long it took and what the process had in memory.
func (i *installation) catchUp(ctx context.Context, listed time.Duration, doubtful int) error {
	ctx, cancel := context.WithTimeout(ctx, outageCatch)
	defer cancel()
	began := time.Now()
	var sure time.Duration
	err := i.until(ctx, func(a *control.StatusAnswer) bool {
		if sure == 0 && a.Dirty <= doubtful {
			sure = time.Since(began)
		}
		return a.Listed == i.o.Contacts && a.Dirty == 0
	})
	if err != nil {
		return fmt.Errorf("catch up: %w", err)
	}
	took := time.Since(began)
	most, text := i.mostResident()
	fmt.Fprintf(i.o.Said, "  caught up     in %s, %.0f contacts/s; with %d that the outage left in doubt in %s\n",
		sure.Round(100*time.Millisecond), float64(i.o.Contacts-doubtful)/sure.Seconds(), doubtful, took.Round(100*time.Millisecond))
	fmt.Fprintf(i.o.Said, "  memory        %d MiB at most, and %d MiB of the program's own text\n", (most-text)>>20, text>>20)
	switch {
	case i.o.Memory > 0 && most-text > uint64(i.o.Memory):
		return fmt.Errorf("%d bytes were resident, more than memory_limit", most-text)
	case sure > listed+outageAsleep || took > listed+outageDoubt+outageAsleep:
		return fmt.Errorf("catching up took %s, with those in doubt %s; listing everybody %s", sure, took, listed)
	}
	return nil
}
