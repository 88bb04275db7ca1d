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
	count  int   // removals planned
	listed int   // the most contacts listed
}

// guard counts over a rolling interval, in slots of a sixtieth of it.
type guard struct {
	slots    []guardSlot
	approved int // removals that an operator let through and that were not planned yet
}

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

// Planned notes that removals start at a time. An approval pays for its removals: they don't count.
func (b *Book) Planned(now int64, interval time.Duration, removals int) {
	free := max(0, min(removals, b.guard.approved))
	b.guard.approved -= free
	b.guard.note(now, interval, removals-free, b.listed)
}

// Approve lets a number of removals through, whatever the guard says.
func (b *Book) Approve(removals int) { b.guard.approved += removals }

// Allowed returns how many of the removals that are asked for the guard lets go now; the rest is to be
// held. Those held already count as asked for before: time alone releases nothing.
func (b *Book) Allowed(now int64, g Guard, asked int) int {
	paid := min(asked, b.guard.approved)
	room := b.Room(now, g)
	if asked-paid <= room {
		return asked
	}
	if b.places[Held] > 0 {
		return paid
	}
	return paid + max(0, min(asked-paid, room))
}

// Room returns how many more removals would stay within the guard, those planned within the interval and those
// held counted; it is negative where they are above it already.
func (b *Book) Room(now int64, g Guard) int {
	planned, most := 0, b.listed
	for _, s := range b.guard.slots {
		if s.at > now-int64(g.Interval) {
			planned += s.count
			most = max(most, s.listed)
		}
	}
	return max(g.MinRemovals, int(g.MaxShare*float64(most))) - planned - b.places[Held]
}

func (g *guard) append(dst []byte) []byte {
	dst = wire.Uint(dst, uint64(g.approved))
	dst = wire.Uint(dst, uint64(len(g.slots)))
	for _, s := range g.slots {
		dst = wire.Uint(wire.Uint(wire.Int(dst, s.at), uint64(s.count)), uint64(s.listed))
	}
	return dst
}

func (g *guard) load(in *wire.Reader) {
	g.approved = int(in.Uint())
	for range in.Count() {
		g.slots = append(g.slots, guardSlot{at: in.Int(), count: int(in.Uint()), listed: int(in.Uint())})
	}
}
