package plan

import (
	"time"

	"rollcall/internal/wire"
)

// Guard is a destination's net against mass removals: above both limits within the interval, the rest
// is held until an operator approves it.
type Guard struct {
	Interval    time.Duration
	MinRemovals int
	MaxShare    float64
}

type guardSlot struct {
	at     int64 // unix nanoseconds of the slot's start
	count  int   // removals that took effect
	listed int   // the most contacts listed
}

// guard counts over a rolling interval, in slots of a sixtieth of it.
type guard struct{ slots []guardSlot }

func (g *guard) note(now int64, interval time.Duration, removals, listed int) {
	width := max(int64(interval)/60, 1)
	start := now - now%width
	g.expire(now, interval)
	if n := len(g.slots); n == 0 || g.slots[n-1].at < start {
		g.slots = append(g.slots, guardSlot{at: start})
	}
	s := &g.slots[len(g.slots)-1]
	s.count += removals
	s.listed = max(s.listed, listed)
}

func (g *guard) expire(now int64, interval time.Duration) {
	for len(g.slots) > 0 && g.slots[0].at <= now-int64(interval) {
		g.slots = g.slots[1:]
	}
}

// Note lets the guard see how many contacts are listed at a time.
func (b *Book) Note(now int64, interval time.Duration) { b.guard.note(now, interval, 0, b.listed) }

// Removed notes that a removal which the guard counts took effect at a time: the contact is off the list. A try without
// effect is none (H39).
func (b *Book) Removed(now int64, interval time.Duration) { b.guard.note(now, interval, 1, b.listed) }

// Allowed returns how many of the removals that are asked for the guard lets go now; the caller holds the rest. Room says
// what underway is. Those held already count as asked for before: time alone releases nothing.
func (b *Book) Allowed(now int64, g Guard, underway, asked int) int {
	room := b.Room(now, g, underway)
	if asked <= room {
		return asked
	}
	if b.places[Held] > 0 {
		return 0
	}
	return max(0, min(asked, room))
}

// Room returns how many more removals would stay within the guard. It counts those that took effect within the
// interval, those held, and underway: the removals whose end is open, each contact once however often it is tried.
// It is negative where these are above the guard already.
func (b *Book) Room(now int64, g Guard, underway int) int {
	removed, most := underway, b.listed
	for _, s := range b.guard.slots {
		if s.at > now-int64(g.Interval) {
			removed += s.count
			most = max(most, s.listed)
		}
	}
	return max(g.MinRemovals, int(g.MaxShare*float64(most))) - removed - b.places[Held]
}

func (g *guard) append(dst []byte) []byte {
	dst = wire.Uint(dst, 0) // earlier builds kept a number of approved removals here
	dst = wire.Uint(dst, uint64(len(g.slots)))
	for _, s := range g.slots {
		dst = wire.Uint(wire.Uint(wire.Int(dst, s.at), uint64(s.count)), uint64(s.listed))
	}
	return dst
}

func (g *guard) load(in *wire.Reader) {
	_ = in.Uint() // see append
	for range in.Count() {
		g.slots = append(g.slots, guardSlot{at: in.Int(), count: int(in.Uint()), listed: int(in.Uint())})
	}
}
