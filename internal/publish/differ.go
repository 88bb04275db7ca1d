package publish

import (
	"bufio"
	"cmp"
	queue "container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"slices"
)

// What is remembered of rows, 32 bytes each, before it goes to a temporary file, and how much of it is sorted at once.
const (
	inMemory = 1 << 20
	inBlock  = 1 << 16
)

// Place is where a row stands: the number of its file, from 0, and its line.
type Place struct{ File, Line int }

// Difference is two rows of one profile that do not say the same. The last one counts.
type Difference struct{ First, Other Place }

// Differences finds rows of one profile that differ, exactly and in memory that does not grow with the rows: beyond a million they are
// sorted on disk. No value is kept, there neither: a row is three hashes and its place. One goroutine uses it; Close removes its file.
type Differences struct {
	seed   [2]maphash.Seed
	most   int         // rows in memory
	block  int         // rows that are sorted at once
	rows   []rowHash   // not sorted yet
	sorted [][]rowHash // blocks in memory; none once there is a file
	runs   []int64     // where each sorted block ends in the file
	file   *os.File

	profiles int // that Find saw
}

// rowHash is what is remembered of a row. Two hashes name the profile: one of 64 bits would take two of ten million for one too often.
type rowHash struct{ profile, also, content, place uint64 }

// NewDifferences begins without rows.
func NewDifferences() *Differences {
	return &Differences{seed: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, most: inMemory, block: inBlock}
}

// Add remembers a row.
func (d *Differences) Add(row Row, at Place) error {
	r := rowHash{place: uint64(at.File)<<40 | uint64(at.Line)}
	r.profile, r.also = d.hash(0, row.Segment, row.Profile), d.hash(1, row.Segment, row.Profile)
	var content maphash.Hash
	content.SetSeed(d.seed[0])
	_ = content.WriteByte(byte(row.Change)) // a hash never fails
	_, _ = content.Write(row.Attributes)
	r.content = content.Sum64()
	if d.rows == nil {
		d.rows = make([]rowHash, 0, d.block)
	}
	if d.rows = append(d.rows, r); len(d.rows) < d.block {
		return nil
	}
	return d.full()
}

// full puts a block that is full aside: in memory, or in the file once it is too much for that.
func (d *Differences) full() error {
	slices.SortFunc(d.rows, compare)
	d.sorted = append(d.sorted, d.rows)
	if d.rows = nil; d.file == nil && (len(d.sorted)+1)*d.block <= d.most {
		return nil
	}
	for _, block := range d.sorted {
		if err := d.spill(block); err != nil {
			return err
		}
	}
	d.rows, d.sorted = d.sorted[0][:0], nil
	return nil
}

func (d *Differences) hash(seed int, segmentID, profile string) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed[seed])
	_, _ = h.WriteString(segmentID) // a hash never fails
	_ = h.WriteByte(0)
	_, _ = h.WriteString(profile)
	return h.Sum64()
}

func compare(a, b rowHash) int {
	return cmp.Or(cmp.Compare(a.profile, b.profile), cmp.Compare(a.also, b.also), cmp.Compare(a.place, b.place))
}

// spill writes a sorted block behind the earlier ones.
func (d *Differences) spill(block []rowHash) (err error) {
	if d.file == nil {
		if d.file, err = os.CreateTemp("", "rollcall-rows-*"); err != nil {
			return fmt.Errorf("make a temporary file for the rows' hashes: %w (TMPDIR names the directory)", err)
		}
	}
	out := bufio.NewWriterSize(d.file, bufferSize)
	var b [32]byte
	for _, r := range block {
		for i, n := range [4]uint64{r.profile, r.also, r.content, r.place} {
			binary.LittleEndian.PutUint64(b[8*i:], n)
		}
		if _, err = out.Write(b[:]); err != nil {
			break
		}
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("write the rows' hashes to %s: %w", d.file.Name(), err)
	}
	end, err := d.file.Seek(0, io.SeekCurrent)
	d.runs = append(d.runs, end)
	return err
}

// Find calls visit with the first difference of each profile that has any, and returns how many profiles have.
func (d *Differences) Find(visit func(Difference)) (profiles int, err error) {
	slices.SortFunc(d.rows, compare)
	sources := merged{&runReader{rows: d.rows}}
	for _, block := range d.sorted {
		sources = append(sources, &runReader{rows: block})
	}
	d.profiles = 0
	begin := int64(0)
	for _, end := range d.runs {
		sources = append(sources, &runReader{from: bufio.NewReaderSize(io.NewSectionReader(d.file, begin, end-begin), bufferSize/16)})
		begin = end
	}
	left := sources[:0]
	for _, s := range sources {
		switch err := s.next(); {
		case err == nil:
			left = append(left, s)
		case !errors.Is(err, io.EOF):
			return 0, fmt.Errorf("read the rows' hashes again: %w", err)
		}
	}
	queue.Init(&left)
	var first rowHash
	told := true
	for len(left) > 0 {
		switch r := left[0].now; {
		case r.profile != first.profile || r.also != first.also || first == rowHash{}:
			first, told = r, false
			d.profiles++
		case r.content != first.content && !told:
			told = true
			profiles++
			visit(Difference{placeOf(first.place), placeOf(r.place)})
		}
		switch err := left[0].next(); {
		case err == nil:
			queue.Fix(&left, 0)
		case errors.Is(err, io.EOF):
			queue.Pop(&left)
		default:
			return profiles, fmt.Errorf("read the rows' hashes again: %w", err)
		}
	}
	return profiles, nil
}

// Profiles is how many profiles (of a segment) Find saw.
func (d *Differences) Profiles() int { return d.profiles }

func placeOf(n uint64) Place { return Place{File: int(n >> 40), Line: int(n & (1<<40 - 1))} }

// Close removes the temporary file.
func (d *Differences) Close() error {
	if d.file == nil {
		return nil
	}
	return errors.Join(d.file.Close(), os.Remove(d.file.Name()))
}

// runReader reads a sorted run, of the file or of memory.
type runReader struct {
	from *bufio.Reader
	rows []rowHash
	now  rowHash
}

func (r *runReader) next() error {
	if r.from == nil {
		if len(r.rows) == 0 {
			return io.EOF
		}
		r.now, r.rows = r.rows[0], r.rows[1:]
		return nil
	}
	var b [32]byte
	if _, err := io.ReadFull(r.from, b[:]); err != nil {
		return err
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	r.now = rowHash{word(0), word(1), word(2), word(3)}
	return nil
}

// merged is a heap of runs by their next row.
type merged []*runReader

func (m merged) Len() int           { return len(m) }
func (m merged) Less(i, j int) bool { return compare(m[i].now, m[j].now) < 0 }
func (m merged) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merged) Push(x any)        { *m = append(*m, x.(*runReader)) }
func (m *merged) Pop() any {
	last := len(*m) - 1
	r := (*m)[last]
	*m = (*m)[:last]
	return r
}
