package publish

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"rollcall/internal/segment"
)

// texts reads an input and writes each item on a line.
func texts(t *testing.T, in string, o ReadOptions) []string {
	t.Helper()
	var all []string
	c := newEncoder("/t", true)
	err := Read(strings.NewReader(in), o, func(i Item) error {
		err := i.Err
		if err == nil && !i.Erased {
			_, err = c.membership(i.Row)
		}
		switch {
		case err != nil:
			all = append(all, fmt.Sprintf("%d: %v", i.Line, err))
		case i.Erased:
			all = append(all, fmt.Sprintf("%d: %s erased %v", i.Line, i.Row.Profile, i.Emails))
		default:
			all = append(all, fmt.Sprintf("%d: %s %s %s %s", i.Line, i.Row.Segment, i.Row.Profile, i.Row.Change, i.Row.Attributes))
		}
		return nil
	})
	if err != nil {
		all = append(all, err.Error())
	}
	return all
}

func expect(t *testing.T, in string, o ReadOptions, want ...string) {
	t.Helper()
	got := texts(t, in, o)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("read\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var entering = ReadOptions{Segment: "seg", Change: segment.Entered}

func TestCSVCellsAreAttributesAsText(t *testing.T) {
	expect(t, "\xef\xbb\xbfprofile_id,email, points ,\"last, first\"\r\n"+
		"ada,Ada@Example.com,12,\"Love\"\"lace, Ada\"\r\n\r\n"+
		"b,,\"\",\"two\nlines\"\n"+
		"c,ü@example.com,3,x", entering,
		`2: seg ada entered {"email":"Ada@Example.com","points":"12","last, first":"Love\"lace, Ada"}`,
		`4: seg b entered {"email":null,"points":null,"last, first":"two\nlines"}`,
		`6: seg c entered {"email":"ü@example.com","points":"3","last, first":"x"}`)
}

func TestCSVColumnsGoBeforeTheFlags(t *testing.T) {
	expect(t, "change,profile_id,segment_id\nexited,a,one\n,b,\nleft,c,two\nentered,d,no segment\n", entering,
		"2: one a exited {}", "3: seg b entered {}", "4: schema: change is neither entered nor exited", "5: schema: segment_id holds something else than letters, digits, _ and -")
}

func TestABadCSVLineIsReportedAndTheOthersGoOn(t *testing.T) {
	expect(t, "profile_id,email\na,1,2\nb\n,x@example.com\nc,a\"b\nd,\"a\"b\ne,\xff\nf,güd\n", entering,
		"2: unreadable: it has 3 cells, the header 2", "3: unreadable: it has 1 cell, the header 2",
		"4: schema: data.profile_id is empty",
		"5: unreadable: a quote stands inside a cell that is not quoted", "6: unreadable: something stands behind the closing quote of a cell",
		"7: unreadable: it is not UTF-8", `8: seg f entered {"email":"güd"}`)
}

// A quote that is never closed costs its own line, not the rest of the file.
func TestAStrayQuoteSwallowsNothing(t *testing.T) {
	expect(t, "profile_id,email\na,\"x\nb,1\nc,2", entering,
		"2: unreadable: a quote is never closed", `3: seg b entered {"email":"1"}`, `4: seg c entered {"email":"2"}`)
	expect(t, "profile_id,email\na,\"x\nb,1\nc,\"2\nd,3", entering,
		"2: unreadable: something stands behind the closing quote of a cell", `3: seg b entered {"email":"1"}`, "4: unreadable: a quote is never closed", `5: seg d entered {"email":"3"}`)
	long := strings.Repeat("y", maxLine+1)
	expect(t, "profile_id,email\na,\"x\nb,1\n"+long+"\nc,2\n", entering,
		"2: unreadable: it is longer than 1 MiB, or a quote is never closed", `3: seg b entered {"email":"1"}`,
		"4: unreadable: it is longer than 1 MiB, or a quote is never closed", `5: seg c entered {"email":"2"}`)
}

func TestACSVFileThatCannotBeReadSaysWhy(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "no header",
		"\n\n":                         "no header",
		"email\nx\n":                   "no column profile_id",
		"profile_id;email,name\na;b,c": "separated by , or by ;: say which with --delimiter",
		"profile_id,a,a\n":             `two columns are named "a"`,
		"profile_id,,a\n":              "column 2 has no name",
		"profile_id,\"a":               "never closed",
		"\xff\xfep\x00":                "not UTF-8",
		`[{"profile_id":"a"}]`:         "JSON array",
		" \n [{\"specversion\":":       "JSON array",
	} {
		err := Read(strings.NewReader(in), entering, func(Item) error { return nil })
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
	for name, o := range map[string]ReadOptions{"segment": {Change: 1}, "change": {Segment: "s"}, "format": {Format: "xml"}} {
		err := Read(strings.NewReader("profile_id,x\n"), o, func(Item) error { return nil })
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestProfilesAreRead(t *testing.T) {
	expect(t, `{"profile_id":"a","attributes":{"email":"a@example.com","n":1.50,"x":[null]}}`+"\r\n\n"+
		`{"profile_id":"b","attributes":{},"segment_id":"other","change":"exited"}`+"\n"+
		`{"profile_id":"c","attributes":null,"change":"exited"}`+"\n"+
		`{"profile_id":"\u00fc \"x\"","attributes":{}}`, ReadOptions{Segment: "seg"},
		`1: seg a entered {"email":"a@example.com","n":1.50,"x":[null]}`, `3: other b exited {}`, `4: seg c exited `, `5: seg ü "x" entered {}`)
}

func TestABadJSONLineIsReportedAndTheOthersGoOn(t *testing.T) {
	long := `{"profile_id":"` + strings.Repeat("y", maxLine) + `"}`
	big := `{"profile_id":"a","attributes":{"x":"` + strings.Repeat("y", segment.MaxBody) + `"}}`
	got := texts(t, strings.Join([]string{
		`{"profile_id":`, `[]`, `{"profile_id":1,"attributes":{}}`, `{"attributes":{}}`, `{"profile_id":"a"}`, `{"profile_id":"a","attributes":[]}`,
		`{"profile_id":"a","attributes":{},"segment_id":7}`, `{"profile_id":"a","attributes":{},"change":"left"}`, long, big,
		"{\"profile_id\":\"\xff\",\"attributes\":{}}", `{"profile_id":"good","attributes":{}}`,
	}, "\n"), ReadOptions{Format: NDJSON, Segment: "seg"})
	want := []string{
		"1: unreadable: ", "2: unreadable: ", "3: schema: profile_id", "4: schema: profile_id", "5: schema: data.attributes is missing", "6: schema: data.attributes is an array, no object",
		"7: schema: segment_id is a number", "8: schema: change", "9: too_large: ", "10: too_large: ", "11: unreadable: ", "12: seg good entered {}",
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d: %q", len(got), len(want), got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d: %q, want %q", i+1, got[i], want[i])
		}
	}
	if got := texts(t, `{"profile_id":"a","attributes":{}}`, ReadOptions{}); !strings.Contains(got[0], "--segment") {
		t.Errorf("without a segment: %q", got)
	}
}

func cloudEvent(kind, data string) string {
	return `{"specversion":"1.0","id":"old","source":"/elsewhere","type":"` + kind + `","time":"2026-01-02T03:04:05Z","data":` + data + `}`
}

func TestEventsAreReadWhateverTheirEnvelope(t *testing.T) {
	expect(t, strings.Join([]string{
		cloudEvent(segment.TypeMembership, `{"segment_id":"one","profile_id":"a","change":"entered","attributes":{"n":1}}`),
		cloudEvent(segment.TypeMembership, `{"segment_id":"one","profile_id":"a","change":"exited"}`),
		cloudEvent(segment.TypeErased, `{"profile_id":"a","emails":["a@example.com","b@example.com"]}`),
		cloudEvent(segment.TypeRefreshed, `{"segment_id":"one","first_sequence":1,"count":1}`),
		cloudEvent("other", `{}`),
		cloudEvent(segment.TypeMembership, `{"segment_id":"one","profile_id":"a","change":"entered"}`),
		`{"specversion":"0.3","id":"1","source":"/x","type":"x"}`,
	}, "\n"), entering,
		`1: one a entered {"n":1}`, `2: one a exited `, `3: a erased [a@example.com b@example.com]`,
		"4: unknown_type: a refreshed event holds for the stream that it stands in: `publisher refresh` makes one",
		"5: unknown_type: the type is none that this build knows", "6: schema: data.attributes is missing on entered", "7: unreadable: specversion is not \"1.0\"")
	err := Read(strings.NewReader(cloudEvent(segment.TypeMembership, `{"segment_id":"one","profile_id":"a","change":"exited"}`)), entering, func(i Item) error {
		if want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC); !i.Row.Time.Equal(want) {
			t.Errorf("it happened at %s", i.Row.Time)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTheFormatIsKnownByNameElseByTheFirstCharacter(t *testing.T) {
	profile := ` {"profile_id":"a","attributes":{}}`
	for name, want := range map[string]string{"x.NDJSON": "1: seg a", "x.jsonl": "1: seg a", "x.txt": "1: seg a", "": "1: seg a", "x.csv": "the header"} {
		o := entering
		o.Name = name
		if got := texts(t, profile, o); !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%q: %q", name, got)
		}
	}
	o := entering
	o.Name, o.Format = "x.csv", NDJSON
	expect(t, profile, o, "1: seg a entered {}")
}

func TestAReadersFailureEndsTheReading(t *testing.T) {
	for _, start := range []string{"profile_id\na\n", `{"profile_id":"a","attributes":{}}` + "\n"} {
		failure := errors.New("disk gone")
		n := 0
		err := Read(io.MultiReader(strings.NewReader(start), failing{failure}), entering, func(Item) error { n++; return nil })
		if !errors.Is(err, failure) || n != 1 {
			t.Errorf("%q: %d items, %v", start, n, err)
		}
		if err := Read(strings.NewReader(start), entering, func(Item) error { return failure }); !errors.Is(err, failure) {
			t.Errorf("%q: the caller's error became %v", start, err)
		}
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

// Whatever stands in a file, reading it ends, lines are counted upwards, and what is published decodes.
func FuzzRead(f *testing.F) {
	f.Add([]byte("profile_id,email\na,\"x\"\"\ny\"\nb,\n"), "csv")
	f.Add([]byte("profile_id,change,segment_id,a\na,entered,s,\"x\n"), "csv")
	f.Add([]byte(`{"profile_id":"a","attributes":{"x":[1,{}]}}`), "ndjson")
	f.Add([]byte(cloudEvent(segment.TypeMembership, `{"segment_id":"one","profile_id":"a","change":"entered","attributes":{}}`)), "ndjson")
	f.Add([]byte(cloudEvent(segment.TypeErased, `{"profile_id":"a","emails":["\ud800"]}`)), "auto")
	f.Fuzz(func(t *testing.T, in []byte, format string) {
		c, last := newEncoder("/t", true), 0
		_ = Read(bytes.NewReader(in), ReadOptions{Segment: "s", Change: segment.Entered, Format: Format(format)}, func(i Item) error {
			if i.Line <= last || i.Line > bytes.Count(in, []byte{'\n'})+1 {
				t.Fatalf("line %d after line %d", i.Line, last)
			}
			last = i.Line
			if i.Err != nil {
				return nil
			}
			e, err := c.membership(i.Row)
			if i.Erased {
				e, err = c.erased(i.Row.Profile, i.Emails)
			}
			var bad *RowError
			if err != nil && !errors.As(err, &bad) {
				t.Fatal(err)
			}
			if err == nil && !json.Valid(e.msg.Data) {
				t.Fatalf("published: %s", e.msg.Data)
			}
			return nil
		})
	})
}

func TestReadingTakesConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a million rows")
	}
	in, out := io.Pipe()
	go func() {
		w := bufio.NewWriter(out)
		_, _ = w.WriteString("profile_id,email,first_name\n")
		for i := range many {
			_, _ = fmt.Fprintf(w, "p%d,p%d@example.com,\"Ada, the %dth\"\n", i, i, i)
		}
		_ = w.Flush()
		out.Close()
	}()
	heap := newHeap()
	n := 0
	err := Read(in, entering, func(Item) error {
		if n++; n%(many/10) == 0 {
			heap.look(t)
		}
		return nil
	})
	if err != nil || n != many {
		t.Errorf("%d rows, %v", n, err)
	}
}
