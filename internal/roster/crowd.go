package roster

// crowded is how many profiles may hold a contact before it gets a crowd: up to so many are looked at each time.
const crowded = 4

// holder is one profile that holds a contact, with the sequence of its newest attributes.
type holder struct {
	sequence uint64
	profile  uint32
}

// crowd is a heap of the profiles that hold one contact, the one with the newest attributes first, so that a
// contact that many share costs no walk along all of them for each event. An entry that no longer holds is passed
// over when it comes up; the heap is made again once most of it is such entries. It is derived from the records:
// no snapshot has it.
type crowd struct {
	heap  []holder
	built int // holders when it was made
}

func (c *crowd) push(h holder) {
	c.heap = append(c.heap, h)
	for i := len(c.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if c.heap[i].sequence <= c.heap[up].sequence {
			break
		}
		c.heap[i], c.heap[up] = c.heap[up], c.heap[i]
		i = up
	}
}

func (c *crowd) pop() {
	last := len(c.heap) - 1
	c.heap[0] = c.heap[last]
	c.heap = c.heap[:last]
	for i := 0; ; {
		most := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && c.heap[child].sequence > c.heap[most].sequence {
				most = child
			}
		}
		if most == i {
			return
		}
		c.heap[i], c.heap[most] = c.heap[most], c.heap[i]
		i = most
	}
}

// stale reports whether most of the heap's entries no longer hold.
func (c *crowd) stale() bool { return len(c.heap) > 2*c.built+64 }

// joined tells the crowd of a contact, where it has one, of a stored profile that holds it.
func (r *Roster) joined(row *profile) {
	c := r.crowds[row.holds]
	if c == nil {
		return
	}
	if m, _ := r.newest(row); m != nil {
		c.push(holder{m.sequence, row.number})
	}
	if c.stale() {
		delete(r.crowds, row.holds) // made again, by the walk that comes next
	}
}

// first returns the holder with the newest attributes by the contact's crowd, opened in r.other. It reports false
// where the contact has no crowd.
func (r *Roster) first(contact uint32) (m *member, ok bool) {
	c := r.crowds[contact]
	if c == nil {
		return nil, false
	}
	p := &r.other
	for len(c.heap) > 0 {
		top := c.heap[0]
		r.walked++
		if r.open(top.profile, p) && p.holds == contact {
			if m, _ := r.newest(p); m != nil && m.sequence == top.sequence {
				return m, true
			}
		}
		c.pop()
	}
	delete(r.crowds, contact)
	return nil, true
}

// supply sets the source of a contact that is open: the holder whose attributes are newest.
func (r *Roster) supply(contact uint32, held *row) {
	held.source, held.sequence, held.hash = 0, 0, 0
	if m, ok := r.first(contact); ok {
		if m != nil {
			held.source, held.sequence, held.hash = r.other.number, m.sequence, m.hash
		}
		return
	}
	p, all := &r.other, r.holders[:0]
	for n := held.head; n != 0; n = p.next {
		r.open(n, p)
		r.walked++
		m, _ := r.newest(p)
		if m == nil {
			continue
		}
		all = append(all, holder{m.sequence, n})
		if held.source == 0 || m.sequence > held.sequence {
			held.source, held.sequence, held.hash = n, m.sequence, m.hash
		}
	}
	if r.holders = all; len(all) > r.crowdFrom {
		r.gather(contact, all)
	}
}

// gather makes a contact's crowd.
func (r *Roster) gather(contact uint32, all []holder) {
	c := &crowd{heap: make([]holder, 0, len(all)), built: len(all)}
	for _, h := range all {
		c.push(h)
	}
	r.crowds[contact] = c
}
