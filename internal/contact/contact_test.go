package contact

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// naive is the contract's sentence, word by word.
func naive(email string) (string, bool) {
	email = strings.TrimFunc(email, unicode.IsSpace)
	local, domain, found := strings.Cut(email, "@")
	if !found || local == "" || domain == "" || strings.Contains(domain, "@") || !utf8.ValidString(email) {
		return "", false
	}
	if strings.ContainsFunc(email, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r > 0x7f && unicode.ToLower(r) <= 0x7f
	}) {
		return "", false
	}
	if email = strings.Map(unicode.ToLower, email); len(email) > 254 {
		return "", false
	}
	return email, true
}

func drawEmail(t *rapid.T) string {
	odd := rapid.SampledFrom([]string{"", "", "", "@", " ", "\t", "\u00a0", "\u2028", "\u0085", "\x00", "\x7f", "\xff", "É", "İ", "\u212a", "\u200b", "\u00ad", "Σ", "\u1e9e", "\u023a", "A", strings.Repeat("x", 230)})
	part := rapid.StringMatching(`[A-Za-z0-9.+_-]{0,12}`)
	return odd.Draw(t, "before") + part.Draw(t, "local") + odd.Draw(t, "within") + rapid.SampledFrom([]string{"@", "@", "@", ""}).Draw(t, "at") + part.Draw(t, "domain") + odd.Draw(t, "after")
}

func judge(t interface{ Fatalf(string, ...any) }, email string) {
	got, ok := Normalize([]byte("before"), []byte(email))
	want, valid := naive(email)
	if ok != valid || string(got) != "before"+want {
		t.Fatalf("%q is %q, %v; want %q, %v", email, got, ok, want, valid)
	}
	if again, ok := Normalize(nil, []byte(want)); valid && (!ok || string(again) != want) {
		t.Fatalf("normalising %q again makes %q, %v", want, again, ok)
	}
}

func TestNormalizeIsTheContractsSentenceAndIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { judge(t, drawEmail(t)) })
	for email, want := range map[string]string{
		" Ada@Example.COM\n": "ada@example.com", "\u00a0a@b\u3000": "a@b", "É@b": "é@b", "ZOË@B": "zoë@b", "a@b": "a@b",
		"ΣΑΣ@b": "σασ@b", "σας@b": "σας@b", "\u017f@b": "\u017f@b", "\u1e9e@b": "ß@b", "\u212bke@b": "åke@b",
		strings.Repeat("\u1e9e", 126) + "@b": strings.Repeat("ß", 126) + "@b",
		strings.Repeat("x", 252) + "@b":      strings.Repeat("x", 252) + "@b",
	} {
		if got, ok := Normalize(nil, []byte(email)); !ok || string(got) != want {
			t.Errorf("%q is %q, %v", email, got, ok)
		}
	}
	for _, email := range []string{
		"", " ", "@", "a@", "@b", "ab", "a@b@c", "a b@c", "a@b\u0085c", "a\x00@b", "a@b\xff", strings.Repeat("x", 253) + "@b",
		"a@\u212a", "\u0130@b", "a\u200b@b", "\ufeffa@b", "a@b\u00ad", "a\u2066@b", strings.Repeat("\u023a", 100) + "@b",
	} {
		if got, ok := Normalize(nil, []byte(email)); ok || len(got) > 0 {
			t.Errorf("%q is taken as %q", email, got)
		}
	}
}

// H40: a server that lower-cases by Unicode's rules, simple or full, must have nothing left to do, so that two
// identities never become one contact there and a stranger's address becomes nobody's.
func TestAnIdentityIsWhatAServerThatLowerCasesStores(t *testing.T) {
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		got, ok := Normalize(nil, []byte(string(r)+"a@b"))
		if !ok {
			continue
		}
		if lower := strings.ToLower(string(got)); lower != string(got) && !unicode.IsSpace(r) {
			t.Fatalf("%U: %q is kept as %q, which a server stores as %q", r, string(r), got, lower)
		}
		if first, _ := utf8.DecodeRune(got); first < utf8.RuneSelf && !unicode.IsSpace(r) {
			t.Fatalf("%U becomes the ASCII letter %q: a stranger's address", r, first)
		}
	}
}

func TestSpellingIsTheIdentityOrTheEmailItself(t *testing.T) {
	for email, want := range map[string]string{"ZOË@b": "zoë@b", " A@b ": "a@b", "a@\u212a": "a@\u212a", "": "", "nobody": "nobody"} {
		if got := Spelling(email); got != want {
			t.Errorf("%q is %q, want %q", email, got, want)
		}
	}
}

func FuzzNormalizeIsTheContractsSentence(f *testing.F) {
	for _, seed := range []string{" Ada@Example.COM\n", "a@b@c", "É@\u00a0", "\xff@b", strings.Repeat("x", 260) + "@b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, email string) { judge(t, email) })
}

func TestNormalizeAllocatesNothing(t *testing.T) {
	dst, email := make([]byte, 0, 300), []byte(" Ada@Example.com ")
	if n := testing.AllocsPerRun(100, func() { Normalize(dst, email) }); n > 0 {
		t.Errorf("%v allocations an e-mail", n)
	}
}

func TestFieldsComeBackAsTheyWereAppended(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type field struct {
			index int
			kind  FieldKind
			value []byte
		}
		var want []field
		var encoded []byte
		var mask uint64
		for index := range MaxFields {
			if !rapid.Bool().Draw(t, "there") {
				continue
			}
			f := field{index, rapid.SampledFrom([]FieldKind{Text, Number, Date}).Draw(t, "kind"), rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "value")}
			encoded = AppendField(encoded, f.index, f.kind, f.value)
			if want = append(want, f); len(f.value) > 0 {
				mask |= 1 << index
			}
		}
		if got := Mask(encoded); got != mask {
			t.Fatalf("mask %b, want %b", got, mask)
		}
		for rest := encoded; len(want) > 0; want = want[1:] {
			index, kind, value, next, err := NextField(rest)
			if err != nil || index != want[0].index || kind != want[0].kind || !bytes.Equal(value, want[0].value) {
				t.Fatalf("got %d %d %q, %v; want %+v", index, kind, value, err, want[0])
			}
			rest = next
		}
		if len(encoded) > 0 {
			cut := encoded[:len(encoded)-1]
			for len(cut) > 0 {
				_, _, _, rest, err := NextField(cut)
				if err != nil {
					if !errors.Is(err, ErrFields) {
						t.Fatal(err)
					}
					Mask(cut)
					return
				}
				cut = rest
			}
		}
	})
}

func TestBytesThatAreNoFieldsAreAnErrorAndNoPanic(t *testing.T) {
	for _, damaged := range [][]byte{{0xff}, {3, 0}, {0xff, 0x7f, 0}, {0}, {0, 5, 'a'}, {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}} {
		if _, _, _, _, err := NextField(damaged); !errors.Is(err, ErrFields) {
			t.Errorf("%v: %v", damaged, err)
		}
		if Mask(damaged) != 0 {
			t.Errorf("%v has a mask", damaged)
		}
	}
}

func TestOperationsHaveTheWordsOfTheMetrics(t *testing.T) {
	for operation, want := range map[Operation]string{Upsert: "upsert", Remove: "remove", Delete: "delete", 0: "none"} {
		if operation.String() != want {
			t.Errorf("operation %d is %s", operation, operation)
		}
	}
}
