package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"
)

func mapped(t *testing.T, pairs ...string) []Renaming {
	t.Helper()
	var all []Renaming
	for _, pair := range pairs {
		r, err := ParseMap(pair)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func TestColumnsAreMappedLeftOutAndTakenAsIds(t *testing.T) {
	o := entering
	o.Columns = Columns{ID: "No", Map: mapped(t, "E-Mail=email", "a=b=x", "Notes=")}
	expect(t, "Notes,E-Mail,No,a=b,city\nsecret,ada@example.com,7,1,London\n", o, `2: seg 7 entered {"email":"ada@example.com","x":"1","city":"London"}`)
	o.Columns = Columns{Map: mapped(t, "Segment=segment_id", "What=change", "Who=profile_id")}
	expect(t, "Who,Segment,What\na,one,exited\n", o, "2: one a exited {}")
	o.Columns = Columns{IDFrom: "email", Map: mapped(t, "Mail=email")}
	sum := sha256.Sum256([]byte("ada@example.com"))
	expect(t, "Mail\n Ada@Example.COM \n\nnobody\n\"\"\n", o, "2: seg "+hex.EncodeToString(sum[:])+` entered {"email":" Ada@Example.COM "}`,
		"4: invalid_email: the e-mail that a profile id is made from is not valid", "5: no_email: there is no e-mail to make a profile id from")
}

func TestColumnsThatCannotBeMappedAreNamed(t *testing.T) {
	for _, c := range []struct {
		header  string
		columns Columns
		want    string
	}{
		{"email,first", Columns{}, "name the one that holds ids with --id-column"},
		{"id,email", Columns{ID: "ID"}, `--id-column: there is no column "ID": did you mean "id"?`},
		{"profile_id,Email", Columns{Map: mapped(t, "E-Mail=email")}, `--map: there is no column "E-Mail"`},
		{"profile_id,a,b", Columns{Map: mapped(t, "a=x", "b=x")}, "--map: two columns give x"},
		{"profile_id,Email,email", Columns{Map: mapped(t, "Email=email")}, `leave it out with --map "email="`},
		{"profile_id,a,a", Columns{}, `two columns are named "a"`},
		{"profile_id,a,a", Columns{Map: mapped(t, "a=x")}, `two columns are named "a"`},
		{"mail", Columns{IDFrom: "email"}, "no column gives this attribute (--map COLUMN=email names one)"},
		{"profile_id,", Columns{}, "column 2 has no name"},
	} {
		o := entering
		o.Columns = c.columns
		err := Read(strings.NewReader(c.header+"\n1,2,3\n"), o, func(Item) error { return nil })
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.header, err, c.want)
		}
	}
	if _, err := ParseMapFile("# names\nE-Mail=email\n\nnonsense\n"); err == nil || !strings.Contains(err.Error(), "line 4") {
		t.Errorf("a map file: %v", err)
	}
	o := entering
	o.Columns.ID = "x"
	if err := Read(strings.NewReader(`{"profile_id":"a","attributes":{}}`), o, func(Item) error { return nil }); !errors.Is(err, ErrInput) {
		t.Errorf("columns of NDJSON: %v", err)
	}
}

// A preset's columns are the only ones sent, and what is said by hand goes before it.
func TestWhatIsSaidByHandGoesBeforeAPreset(t *testing.T) {
	o := entering
	o.Columns = Columns{Map: mapped(t, "Second Mail=email", "City=")}
	for _, p := range Presets {
		if p.Name == "hubspot" {
			o.Columns = o.Columns.Over(p.Columns)
		}
	}
	expect(t, "Record ID,Email,Second Mail,City,Secret,First Name\n1,a@example.com,b@example.com,London,x,Ada\n", o, `2: seg 1 entered {"email":"b@example.com","first_name":"Ada"}`)
}

func TestTheDelimiterIsFoundOrGiven(t *testing.T) {
	const row = `2: seg a entered {"email":"x,y"}`
	expect(t, "profile_id;email\na;x,y\n", entering, row)
	expect(t, "profile_id\temail\na\tx,y\n", entering, row)
	expect(t, "profile_id|\"em;ai;l\"\na|x\n", entering, `2: seg a entered {"em;ai;l":"x"}`)
	expect(t, "sep=;\nprofile_id;email\na;x,y\n", entering, `3: seg a entered {"email":"x,y"}`)
	o := entering
	o.Delimiter = ';'
	expect(t, "profile_id;a,b,c\na;1\n", o, `2: seg a entered {"a,b,c":"1"}`)
	expect(t, "profile_id;\"a\"\"b\"\n\"a;b\";\"1\"\n", o, `2: seg a;b entered {"a\"b":"1"}`)
	for text, want := range map[string]byte{"": 0, ";": ';', "tab": '\t', `\t`: '\t', "|": '|'} {
		if got, err := ParseDelimiter(text); err != nil || got != want {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
	for _, text := range []string{";;", `"`, " ", "é"} {
		if _, err := ParseDelimiter(text); err == nil {
			t.Errorf("%q separates columns", text)
		}
	}
}

// No encoding is guessed silently: what seems to be another one is said, and read only when it is named.
func TestAnEncodingIsReadWhenItIsNamed(t *testing.T) {
	const rows = "profile_id,city\na,Köln – 5 €\n"
	const want = `2: seg a entered {"city":"Köln – 5 €"}`
	western, err := charmap.Windows1252.NewEncoder().String(rows)
	if err != nil {
		t.Fatal(err)
	}
	for in, name := range map[string]string{western: "windows-1252", "\xff\xfe" + utf16Text(rows, false): "utf-16le", utf16Text(rows, true): "utf-16be"} {
		var seems *EncodingError
		err := Read(strings.NewReader(in), entering, func(Item) error { t.Errorf("%s: a row is read", name); return nil })
		if !errors.As(err, &seems) || seems.Looks != name {
			t.Errorf("%s: %v", name, err)
		}
		o := entering
		if o.Encoding, err = ParseEncoding(strings.ToUpper(name)); err != nil {
			t.Fatal(err)
		}
		expect(t, in, o, want)
	}
	o := entering
	o.Encoding = "windows-1252"
	expect(t, "profile_id,city\na,\x81\nb,x\n", o, "2: unreadable: it holds a character that is none of its encoding", `3: seg b entered {"city":"x"}`)
	o.Encoding = "utf-8" // named, so it is not asked about
	expect(t, western, o, "2: unreadable: it is not UTF-8")
	if _, err := ParseEncoding("klingon"); err == nil {
		t.Error("an encoding that there is not")
	}
	for alias, want := range map[string]string{"UTF8": "utf-8", "cp1252": "windows-1252", "latin1": "iso-8859-1", "UTF-16": "utf-16", "macintosh": "macintosh"} {
		if got, err := ParseEncoding(alias); err != nil || got != want {
			t.Errorf("%s is %q, %v", alias, got, err)
		}
	}
}

func TestCompressedFilesAreReadAsTheyAre(t *testing.T) {
	const rows = "profile_id,email\na,x\n"
	var zipped, other bytes.Buffer
	g := gzip.NewWriter(&zipped)
	z, err := zstd.NewWriter(&other)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{g, z} {
		if _, err := io.WriteString(w, rows); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, in := range map[string]string{"people.csv.gz": zipped.String(), "people.csv.zst": other.String()} {
		o := entering
		o.Name = name
		expect(t, in, o, `2: seg a entered {"email":"x"}`)
		if got := texts(t, in[:len(in)-6], o); len(got) == 0 || !strings.Contains(got[len(got)-1], "unexpected EOF") {
			t.Errorf("%s, cut off: %q", name, got)
		}
	}
	if err := Read(strings.NewReader("\x1f\x8bnonsense"), entering, func(Item) error { return nil }); !errors.Is(err, ErrInput) {
		t.Errorf("no gzip: %v", err)
	}
}

// A refused row is kept as it was: all its lines, or the first one where the next ones are read again.
func TestItemsHaveTheirLinesAsTheyWere(t *testing.T) {
	o := entering
	o.KeepRaw = true
	got := map[int]string{}
	err := Read(strings.NewReader("profile_id,email\na,\"two\nlines\"\nb,\"open\nc,x\n,y\n"), o, func(i Item) error {
		got[i.Line] = string(i.Raw)
		return nil
	})
	if err != nil || got[2] != "a,\"two\nlines\"" || got[4] != `b,"open` || got[5] != "c,x" || got[6] != ",y" {
		t.Errorf("%v, %v", got, err)
	}
	o.Segment = "seg"
	if err := Read(strings.NewReader(` {"profile_id":7} `), o, func(i Item) error { got[1] = string(i.Raw); return nil }); err != nil || got[1] != ` {"profile_id":7} ` {
		t.Errorf("%q, %v", got[1], err)
	}
}
