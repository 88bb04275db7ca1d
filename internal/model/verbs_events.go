package model

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// The verbs of this file put events on the stream, or hand them out again.

// refreshing is a refresh under way: who was published since it began.
type refreshing struct {
	segment string
	first   uint64
	rows    map[string]bool
}

// spelled is an e-mail as a publisher spells it: e1 plain, e1^ in capitals, e1_ with spaces around it,
// - absent, 0 empty, ? not an e-mail, k a stranger's spelling.
func spelled(token string) (value any, present bool) {
	switch token {
	case "-", "":
		return nil, false
	case "0":
		return "", true
	case "null":
		return nil, true
	case "?":
		return "nobody", true
	case "k":
		return stranger, true
	}
	name := strings.Replace(strings.TrimRight(token, "^_"), "e2", "é2", 1) // which has another upper case than ASCII
	address := name + "@example.com"
	if strings.Contains(token, "^") {
		address = strings.ToUpper(name) + "@Example.COM"
	}
	if strings.Contains(token, "_") {
		address = "  " + address + "\u00a0\t"
	}
	return address, true
}

// attributes reads an e-mail and name=value pairs; null, true, false and numbers are JSON's, LONG is too
// long for any field.
func attributes(o Op, from int) map[string]any {
	out := map[string]any{}
	if value, present := spelled(o.arg(from)); present {
		out["email"] = value
	}
	for _, kv := range o.pairs(from + 1) {
		switch v := kv[1]; {
		case v == "null":
			out[kv[0]] = nil
		case v == "LONG":
			out[kv[0]] = strings.Repeat("x", 81)
		case v == "true" || v == "false":
			out[kv[0]] = v == "true"
		case v != "" && strings.Trim(v, "0123456789.") == "":
			out[kv[0]] = json.Number(v)
		default:
			out[kv[0]] = v
		}
	}
	return out
}

func doEnter(w *world, o Op) error {
	w.stream.publish(Event{Kind: "membership", Segment: o.arg(0), Profile: o.arg(1), Entered: true, Attributes: attributes(o, 2)})
	return nil
}

func doExit(w *world, o Op) error {
	e := Event{Kind: "membership", Segment: o.arg(0), Profile: o.arg(1)}
	if len(o.Args) > 2 {
		e.Attributes = attributes(o, 2)
	}
	w.stream.publish(e)
	return nil
}

// doRefresh begins a refresh of a segment; rows follow, and refreshed ends it.
func doRefresh(w *world, o Op) error {
	w.refresh[o.arg(0)] = &refreshing{segment: o.arg(1), rows: map[string]bool{}}
	return nil
}

// doRow publishes a row of a refresh.
func doRow(w *world, o Op) error {
	r := w.refresh[o.arg(0)]
	if r == nil {
		return nil
	}
	seq := w.stream.publish(Event{Kind: "membership", Segment: r.segment, Profile: o.arg(1), Entered: true, Attributes: attributes(o, 2)})
	if r.first == 0 {
		r.first = seq
	}
	r.rows[o.arg(1)] = true
	return nil
}

// doRefreshed ends a refresh, complete or cut off: then its count is not met.
func doRefreshed(w *world, o Op) error {
	r := w.refresh[o.arg(0)]
	if r == nil {
		return nil
	}
	delete(w.refresh, o.arg(0))
	if len(r.rows) == 0 || w.guard > 0 {
		for _, other := range w.refresh {
			if other.segment == r.segment {
				return nil // it would be held, and the other one replaces it where that is accepted meanwhile: both are right
			}
		}
	}
	e := Event{Kind: "refreshed", Segment: r.segment, First: r.first, Count: uint64(len(r.rows))}
	if r.first == 0 {
		e.First = w.stream.next()
	}
	switch o.arg(1) {
	case "cut":
		e.Count += 20
	case "short":
		e.Count++
	}
	w.stream.publish(e)
	return nil
}

func doErase(w *world, o Op) error {
	e := Event{Kind: "erased", Profile: o.arg(0)}
	for _, token := range o.Args[1:] {
		if address, _ := spelled(token); address != nil {
			e.Emails = append(e.Emails, fmt.Sprint(address))
		}
	}
	w.stream.publish(e)
	return nil
}

// doRedeliver hands an event to the replica again, whatever came after it.
func doRedeliver(w *world, o Op) error {
	n, err := strconv.Atoi(o.arg(0))
	p := w.live()
	if err != nil || p == nil || w.keep > 0 || n < 1 || uint64(n) > w.watch.committed() {
		return err
	}
	w.stream.mu.Lock()
	defer w.stream.mu.Unlock()
	p.redeliver(w.stream.all[n-1])
	close(w.stream.woken)
	w.stream.woken = make(chan struct{})
	return nil
}
