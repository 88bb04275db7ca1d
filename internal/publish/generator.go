package publish

import (
	"bufio"
	"fmt"
	"io"
	"strconv"

	"rollcall/internal/segment"
)

// DefaultSegments are the segments of a population that names none.
var DefaultSegments = []string{"high-value", "newsletter-optin", "recently-active"}

// Population is a made-up one: the same values give the same rows, byte for byte. Everything about a profile is derived from the seed
// and its number, so that nothing is kept however large it is.
type Population struct {
	Seed      uint64
	Profiles  int
	Segments  []string // 64 at most; none is DefaultSegments
	BadEmails float64  // share of the profiles that come without a usable e-mail
	Churn     float64  // share of the profiles that change after they came
	Changes   int      // of a profile that changes; 0 is 2
	Later     bool     // changes follow when everybody has come, instead of among other people's arrivals
}

// What shares of a population are out of the ordinary.
const (
	alsoShare     = 0.15  // are in a segment beyond their first, each
	sharedShare   = 0.004 // have another profile's e-mail
	oddIDShare    = 0.01  // have an id that can't stand in a subject
	capitalsShare = 0.02  // write their e-mail with a capital
	withoutShare  = 0.1   // of the exits carry no attributes
)

// Profiles come in blocks, and each change follows the one before by two blocks, so that in the stream somebody's change stands among
// other people's arrivals.
const (
	blockSize = 512
	blockLag  = 2
)

// Rows calls yield with each row, in the order of publishing, and stops at its error.
func (p Population) Rows(yield func(Row) error) error {
	if len(p.Segments) == 0 {
		p.Segments = DefaultSegments
	}
	if p.Changes == 0 {
		p.Changes = 2
	}
	if len(p.Segments) > 64 {
		return fmt.Errorf("generate a population: %d segments, at most 64", len(p.Segments))
	}
	g := generator{Population: p, yield: yield}
	blocks, lag := (p.Profiles+blockSize-1)/blockSize, blockLag
	if p.Later {
		lag = blocks
	}
	for step := range blocks + p.Changes*lag {
		for round := 0; round <= p.Changes; round++ {
			if block := step - round*lag; block >= 0 && block < blocks {
				if err := g.block(block, round); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Count is how many rows there are.
func (p Population) Count() int {
	n := 0
	_ = p.Rows(func(Row) error { n++; return nil }) // too many segments: none
	return n
}

// generator makes the rows of one population.
type generator struct {
	Population
	yield      func(Row) error
	attributes []byte
}

func (g *generator) block(block, round int) error {
	for number := block * blockSize; number < min((block+1)*blockSize, g.Profiles); number++ {
		if round > 0 && !g.changes(number) {
			continue
		}
		p := g.person(number)
		for before := range round {
			_ = g.live(&p, before, func(int, segment.Change, bool) error { return nil })
		}
		err := g.live(&p, round, func(s int, change segment.Change, with bool) error {
			row := Row{Segment: g.Segments[s], Profile: p.id, Change: change}
			if with {
				g.attributes = p.appendAttributes(g.attributes[:0])
				row.Attributes = g.attributes
			}
			return g.yield(row)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// changes reports whether the profile is one of those that change.
func (g *generator) changes(number int) bool {
	d := dice{g.Seed ^ 0xc4a5, uint64(number)}
	return d.chance(g.Churn)
}

// live moves a person through one round and says which events tell of it. Round 0 is the arrival.
func (g *generator) live(p *person, round int, tell func(segmentIndex int, change segment.Change, with bool) error) error {
	d := dice{g.Seed + uint64(round)*0x9e37, uint64(p.number)}
	first := d.below(len(g.Segments))
	if round == 0 {
		for i := range g.Segments {
			if i == first || d.chance(alsoShare) {
				p.in |= 1 << i
				if err := tell(i, segment.Entered, true); err != nil {
					return err
				}
			}
		}
		return nil
	}
	at, with := first, !d.chance(withoutShare)
	switch what := d.below(100); {
	case what < 30: // joins, or says again that it is in
		p.in |= 1 << at
		return tell(at, segment.Entered, true)
	case what < 60: // leaves, one that it is in if any
		for i := range g.Segments {
			if next := (at + i) % len(g.Segments); p.in&(1<<next) != 0 {
				at = next
				break
			}
		}
		p.in &^= 1 << at
		return tell(at, segment.Exited, with)
	case what < 75: // flaps, and is in afterwards
		p.in |= 1 << at
		if err := tell(at, segment.Exited, with); err != nil {
			return err
		}
		return tell(at, segment.Entered, true)
	case what < 93:
		p.version++
	default:
		p.address++
	}
	p.in |= 1 << at
	return tell(at, segment.Entered, true)
}

// dice gives numbers that depend on its seeds alone (splitmix64).
type dice struct{ seed, number uint64 }

func (d *dice) roll() uint64 {
	d.seed += 0x9e3779b97f4a7c15
	z := d.seed ^ d.number*0xd1342543de82ef95
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *dice) below(n int) int { return int(d.roll() % uint64(n)) }

func (d *dice) chance(share float64) bool { return float64(d.roll()>>11)/(1<<53) < share }

// generatedSource is the source of events that were generated to be looked at, or published later.
const generatedSource = "/rollcall/generate"

// WriteEvents writes the population as events, one a line: the same bytes each time.
func (p Population) WriteEvents(to io.Writer) error {
	out := bufio.NewWriterSize(to, 64<<10)
	line, n := []byte(nil), 0
	err := p.Rows(func(row Row) error {
		n++
		id := strconv.FormatUint(p.Seed, 10) + "-" + strconv.Itoa(n)
		line = segment.AppendMembership(line[:0], segment.Envelope{ID: id, Source: generatedSource}, row.Segment, row.Profile, row.Change, row.Attributes)
		_, err := out.Write(append(line, '\n'))
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}
