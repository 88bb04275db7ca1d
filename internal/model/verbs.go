package model

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/internal/ledger/record"
	"rollcall/internal/sendgrid/simulator"
)

// verbs are the operations of stories; docs/model.md explains each.
var verbs map[string]func(*world, Op) error

func init() {
	verbs = map[string]func(*world, Op) error{
		"start": doStart, "stop": doStop, "crash": doCrash, "pause": doPause, "wake": doWake, "arm": doArm,
		"enter": doEnter, "exit": doExit, "refresh": doRefresh, "row": doRow, "refreshed": doRefreshed, "erase": doErase,
		"redeliver": doRedeliver, "wait": doWait, "wire": doWire, "sim": doSim, "refuse": doRefuse, "strict": doStrict, "revoke": doRevoke,
		"cap": doCap, "segments": doSegments, "mapping": doMapping, "omit": doOmit, "guard": doGuard, "do": doCommand,
		"replay": doReplay, "cancel": doCancel, "retry": doRetry, "garbage": doGarbage, "marker": doMarker, "flaky": doFlaky, "elsewhere": doElsewhere, "look": doLook, "keep": doKeep, "plan": doPlan,
		"beside": doBeside, "exports": doExports, "miscount": doMiscount, "backup": doBackup, "restore": doRestore, "stray": doStray,
	}
}

func doStart(w *world, _ Op) error { w.start(); return nil }

// doStop stops the replica that runs, as SIGTERM would, and waits for its end.
func doStop(w *world, _ Op) error {
	p := w.live()
	if p == nil {
		return nil
	}
	p.cancel()
	for range 30 {
		select {
		case <-p.done:
			return nil
		default:
			w.sleep(time.Second)
		}
	}
	return errors.New("I10: a graceful stop takes more than 30 s")
}

func doCrash(w *world, _ Op) error {
	if p := w.live(); p != nil {
		p.die()
	}
	return nil
}

func doPause(w *world, _ Op) error {
	if p := w.live(); p != nil {
		p.pause()
	}
	return nil
}

func doWake(w *world, _ Op) error {
	for _, p := range w.replicas {
		p.wake()
	}
	return nil
}

// doArm kills the replica at the n-th time from now that it does something.
func doArm(w *world, o Op) error {
	n, err := strconv.Atoi(o.arg(1))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arms[o.arg(0)] = n
	return err
}

func doWait(w *world, o Op) error {
	d, err := time.ParseDuration(o.arg(0))
	w.sleep(d)
	return err
}

// doWire lets the next requests of a kind fail on the wire: wire lose|late|never|refuse|hang KIND COUNT [DELAY].
func doWire(w *world, o Op) error {
	n, err := strconv.Atoi(o.arg(2))
	if err != nil {
		return err
	}
	d := time.Duration(0)
	if o.arg(3) != "" {
		if d, err = time.ParseDuration(o.arg(3)); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules = append(w.rules, &rule{kind: o.arg(0), on: o.arg(1), count: n, delay: d})
	return nil
}

// doSim lets SendGrid fail: sim KIND[+KIND] ROUTE|any COUNT [STATUS [DELAY]], as the simulator's faults; two kinds strike
// the same jobs.
func doSim(w *world, o Op) error {
	f := simulator.Fault{Count: 1}
	if r := o.arg(1); r != "any" {
		f.Route = map[string]string{
			"upsert": "PUT contacts", "remove": "DELETE lists/{id}/contacts", "delete": "DELETE contacts",
			"lookup": "POST contacts/search/emails", "job": "GET contacts/imports/{id}",
		}[r]
	}
	for i, into := range []any{&f.Count, &f.Status, &f.Delay} {
		if o.arg(2+i) == "" {
			continue
		}
		if err := json.Unmarshal([]byte(o.arg(2+i)), into); err != nil {
			return err
		}
	}
	var all []simulator.Fault
	for kind := range strings.SplitSeq(o.arg(0), "+") {
		f.Kind = kind
		all = append(all, f)
	}
	w.static(all)
	return nil
}

// doRefuse lets SendGrid never take a share of the e-mails, naming them or not. It comes first in a story.
func doRefuse(w *world, o Op) error {
	kind := "refuse"
	if o.arg(0) == "unnamed" {
		kind = "unnamed"
	}
	share, err := strconv.ParseFloat(o.arg(1), 64)
	w.refuses = append(w.refuses, simulator.Fault{Kind: kind, Share: share})
	w.static(nil)
	return err
}

// doStrict lets SendGrid's look-ups refuse a share of the e-mails, which its upserts take: strict SHARE (H31).
func doStrict(w *world, o Op) error {
	share, err := strconv.ParseFloat(o.arg(0), 64)
	w.refuses = append(w.refuses, simulator.Fault{Kind: "unsearchable", Share: share})
	w.static(nil)
	return err
}

// static sets the faults that a story holds on to, and these.
func (w *world) static(more []simulator.Fault) {
	w.fault(append(slices.Clone(w.refuses), more...))
}

func (w *world) fault(all []simulator.Fault) {
	if err := w.sim.SetFaults(all); err != nil {
		w.fail("%v", err)
	}
}

func doRevoke(w *world, o Op) error { w.sim.Revoke(o.arg(0) != "off"); return nil }

func doCap(w *world, o Op) (err error) { w.config.Cap, err = strconv.Atoi(o.arg(0)); return err }

func doSegments(w *world, o Op) error { w.config.Segments = o.Args; return nil }

func doMapping(w *world, o Op) error { w.config.Mapping = o.arg(0); return nil }

func doOmit(w *world, o Op) error { w.config.Omit = o.arg(0) != "off"; return nil }

func doGuard(w *world, o Op) (err error) { w.guard, err = strconv.Atoi(o.arg(0)); return err }

// doCommand gives the replica that runs an operator's command.
func doCommand(w *world, o Op) error {
	p := w.live()
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = p.dest.Do(ctx, record.Command{Name: o.arg(0)}) // a replica that is just being killed takes none
	return nil
}

// doFlaky lets a replica's next steps of a kind fail, without harm: flaky next|moved|letter|read|inspect|ack|snapshot|purge N.
func doFlaky(w *world, o Op) error {
	n, err := strconv.Atoi(o.arg(1))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flaky[o.arg(0)] = n
	return err
}

// doPlan is read before a story begins: the account's plan takes so many contacts.
func doPlan(*world, Op) error { return nil }

// planOf is the plan of a story's account; zero is none.
func planOf(s Story) int {
	for _, o := range s {
		if o.Verb == "plan" {
			n, _ := strconv.Atoi(o.arg(0)) // zero where it is no number
			return n
		}
	}
	return 0
}

// doExports lets the next replicas read the whole list where so many contacts are to be looked up.
func doExports(w *world, o Op) (err error) { w.exports, err = strconv.Atoi(o.arg(0)); return err }

// doKeep lets the next replicas forget who has been in no segment for so long.
func doKeep(w *world, o Op) (err error) { w.keep, err = time.ParseDuration(o.arg(0)); return err }

// doMiscount lets the broker count events that are not there, for the replicas to start.
func doMiscount(w *world, o Op) (err error) {
	w.ghosts, err = strconv.ParseUint(o.arg(0), 10, 64)
	return err
}
