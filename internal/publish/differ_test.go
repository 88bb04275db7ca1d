package publish

import (
	"fmt"
	"os"
	"testing"

	"pgregory.net/rapid"

	"rollcall/internal/segment"
)

// Two rows of one profile that differ are told, all of them and no others, in memory and through the temporary file alike.
func TestRowsOfOneProfileThatDifferAreToldExactly(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	rapid.Check(t, func(t *rapid.T) {
		d := NewDifferences()
		d.most, d.block = rapid.IntRange(1, 60).Draw(t, "rows in memory"), rapid.IntRange(1, 20).Draw(t, "rows of a block")
		type kept struct {
			at      Place
			content string
		}
		rows := map[string][]kept{}
		of := map[Place]string{}
		for line := range rapid.IntRange(0, 200).Draw(t, "rows") {
			row := Row{
				Segment: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "segment"), Profile: fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "profile")),
				Change:     rapid.SampledFrom([]segment.Change{segment.Entered, segment.Exited}).Draw(t, "change"),
				Attributes: fmt.Appendf(nil, `{"n":%d}`, rapid.IntRange(0, 2).Draw(t, "n")),
			}
			at := Place{File: line / 100, Line: line%100 + 1<<33}
			if err := d.Add(row, at); err != nil {
				t.Fatal(err)
			}
			key := row.Segment + "/" + row.Profile
			rows[key] = append(rows[key], kept{at, fmt.Sprint(row.Change, string(row.Attributes))})
			of[at] = key
		}
		want := map[string]Difference{}
		for key, all := range rows {
			for _, other := range all[1:] {
				if _, told := want[key]; !told && other.content != all[0].content {
					want[key] = Difference{all[0].at, other.at}
				}
			}
		}
		profiles, err := d.Find(func(one Difference) {
			if key := of[one.First]; want[key] != one {
				t.Fatalf("%s: %+v, want %+v", key, one, want[key])
			} else {
				delete(want, key)
			}
		})
		if d.Profiles() != len(rows) {
			t.Fatalf("%d profiles, want %d", d.Profiles(), len(rows))
		}
		if err != nil || len(want) > 0 {
			t.Fatalf("%d are told, %d are not: %v", profiles, len(want), err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("%d temporary files are left, %v", len(left), err)
	}
}
