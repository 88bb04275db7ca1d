package audit

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var testRules = Rules{
	Segments: []string{"s0"}, Email: "email",
	Fields: []Field{{Name: "city", Attribute: "city", Kind: "Text"}, {Name: "points", Attribute: "points", Kind: "Number"}},
}

// twoPeople is a world in which everything is as it ought to be.
func twoPeople() World {
	return World{
		Events: story{
			entered("s0", "p", `{"email":"a@example.com","city":"Rome","points":7}`),
			entered("s0", "q", `{"email":"b@example.com","points":9}`),
		}.events,
		Listed: []Contact{
			{Email: "a@example.com", Fields: map[string]string{"city": "Rome", "points": "7", "last_name": "not ours"}},
			{Email: "b@example.com", Fields: map[string]string{"points": "9"}},
		},
		History: []Change{{"a@example.com", true}, {"c@example.com", true}, {"c@example.com", false}, {"b@example.com", true}},
		Applied: map[string]time.Time{"j1": time.Unix(100, 0)},
		Confirmations: []Confirmation{
			{Job: "j1", At: time.Unix(100, 0)},
			{Job: "of another list", At: time.Unix(1, 0)},
		},
	}
}

func TestARightListIsClean(t *testing.T) {
	report, err := Check(testRules, twoPeople())
	want := &Report{Events: 2, Desired: 2, Expected: 2, Listed: 2, Fields: 4, Jobs: 1}
	if err != nil || !cmp.Equal(want, report) || !report.Clean() {
		t.Errorf("report (-want +got), %v:\n%s", err, cmp.Diff(want, report))
	}
}

// Whatever is wrong is found, as what it is, and alone.
func TestWhatIsWrongIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Rules, *World)
		want  Kind
	}{
		"another value":                         {func(_ *Rules, w *World) { w.Listed[0].Fields["city"] = "Oslo" }, Wrong},
		"a value less":                          {func(_ *Rules, w *World) { delete(w.Listed[0].Fields, "city") }, Lacking},
		"a value of nobody":                     {func(_ *Rules, w *World) { w.Listed[1].Fields["city"] = "Rome" }, Surplus}, // H28
		"a contact less":                        {func(_ *Rules, w *World) { w.Listed = w.Listed[:1] }, Missing},
		"a contact more":                        {func(_ *Rules, w *World) { w.Listed = append(w.Listed, Contact{Email: "c@example.com"}) }, Extra},
		"a refused one":                         {func(_ *Rules, w *World) { w.Refused = func(e string) bool { return e == "b@example.com" } }, Extra},
		"a free slot":                           {func(r *Rules, w *World) { r.Cap, w.Listed, w.History = 1, nil, nil }, BelowCap},
		"once above the cap":                    {func(r *Rules, w *World) { r.Cap, w.History = 2, append(w.History, Change{"d", true}) }, AboveCap},
		"a job confirmed before it was applied": {func(_ *Rules, w *World) { w.Applied["j1"] = time.Unix(100, 1) }, Premature}, // I7
		"a job confirmed and never applied":     {func(_ *Rules, w *World) { w.Applied["j1"] = time.Time{} }, Premature},
	} {
		t.Run(name, func(t *testing.T) {
			rules, world := testRules, twoPeople()
			c.spoil(&rules, &world)
			report, err := Check(rules, world)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Kind{c.want}, kinds(report)); diff != "" || report.Wrong != 1 || report.Clean() {
				t.Errorf("found %d (-want +got):\n%s", report.Wrong, diff)
			}
		})
	}
}

// Under a cap anybody who is desired may have the slots; nobody else may, and none may stay free.
func TestUnderACapAnyOfThoseWhoAreDesiredMayBeListed(t *testing.T) {
	rules := testRules
	rules.Cap = 1
	for _, on := range twoPeople().Listed {
		world := twoPeople()
		world.Listed, world.History = []Contact{on}, []Change{{on.Email, true}}
		if report, err := Check(rules, world); err != nil || !report.Clean() || report.Expected != 1 {
			t.Errorf("with one of two on the list: %+v, %v", report, err)
		}
	}
	world := twoPeople()
	world.Listed, world.History = []Contact{{Email: "c@example.com"}}, nil
	if report, err := Check(rules, world); err != nil || !cmp.Equal(kinds(report), []Kind{BelowCap, Extra}) {
		t.Errorf("with a stranger in the slot: %+v, %v", report, err)
	}
}

// Numbers and dates can't be cleared at SendGrid, so one that stays is no difference.
func TestANumberThatNobodyHasAnyMoreMayStay(t *testing.T) {
	world := twoPeople()
	world.Events = story{entered("s0", "p", `{"email":"a@example.com","city":"Rome"}`), entered("s0", "q", `{"email":"b@example.com"}`)}.events
	if report, err := Check(testRules, world); err != nil || !report.Clean() {
		t.Errorf("%+v, %v", report, err)
	}
}

// A finding names nobody (I12), and a long list of them is told in part and counted whole.
func TestFindingsAreBoundedAndNameNobody(t *testing.T) {
	world := twoPeople()
	for range 3 * findingsKept {
		world.Listed = append(world.Listed, Contact{Email: "stranger@example.com"})
	}
	report, err := Check(testRules, world)
	if err != nil || report.Wrong != 3*findingsKept || len(report.First) != findingsKept {
		t.Fatalf("%d findings, %d told, %v", report.Wrong, len(report.First), err)
	}
	for _, f := range report.First {
		if !cmp.Equal(f, Finding{Kind: Extra, Detail: "nothing selects it"}) {
			t.Errorf("finding %+v", f)
		}
	}
}

func TestEventsThatCannotBeReadAreNoReport(t *testing.T) {
	broken := errors.New("broken")
	world := twoPeople()
	world.Events = func(func(Event) error) error { return broken }
	if report, err := Check(testRules, world); report != nil || !errors.Is(err, broken) {
		t.Errorf("%+v, %v", report, err)
	}
}
