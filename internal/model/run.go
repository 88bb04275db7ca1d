package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/internal/sendgrid/simulator"
)

// addresses are the contacts that stories are about.
var addresses = []string{
	"e1@example.com", "é2@example.com", "e3@example.com", "e4@example.com", "e5@example.com", strange,
}

// Play plays a story inside a synctest bubble, lets everything settle, and compares the list with the
// reference. seed moves everything that the story leaves open; trace, which may be nil, is told
// of every step. It returns what was wrong.
func Play(story Story, seed uint64, trace func(string, ...any)) error {
	w := newWorld(seed, planOf(story), trace)
	w.alone = seed%2 == 0 && !slices.ContainsFunc(story, func(o Op) bool { return o.Verb == "beside" })
	defer w.close()
	for i, o := range story {
		w.tell("-- %s %v", o.Verb, o.Args)
		if err := verbs[o.Verb](w, o); err != nil {
			return fmt.Errorf("operation %d (%s %v): %w", i+1, o.Verb, o.Args, err)
		}
		w.watch.truth()
		if err := w.failed(); err != nil {
			return fmt.Errorf("after operation %d (%s %v): %w", i+1, o.Verb, o.Args, err)
		}
	}
	if err := w.settle(); err != nil {
		return err
	}
	err := w.judge()
	if err != nil || seed%rebuildEvery != 0 || w.stream.count("garbage") > 0 {
		return err
	}
	return w.rebuild(seed)
}

// judge compares each destination's list with the reference, and what readers are told with the truth.
func (w *world) judge() error {
	for _, one := range w.both() {
		err := one.compare()
		if err == nil {
			err = one.readers()
		}
		if err != nil {
			return fmt.Errorf("destination %s: %w", one.name, err)
		}
	}
	return nil
}

// rebuildEvery is how many stories there are for each whose destination is rebuilt from the stream.
const rebuildEvery = 4

// rebuild starts a destination with the same configuration over the same keyed stream, with a ledger and a
// list of its own: it has to come to the same (I13). What is history is not on the stream: a bad value keeps
// what was there before, and a cap those who came first; compare leaves both open.
func (w *world) rebuild(seed uint64) error {
	again := newWorld(seed, w.plan, w.trace) // its simulator refuses the same e-mails
	defer again.close()
	again.stream, again.config, again.guard, again.refuses = w.stream, w.live().config, w.guard, w.refuses
	again.static(nil)
	if err := again.settle(); err != nil {
		return fmt.Errorf("rebuilt from the stream: %w", err)
	}
	if err := again.compare(); err != nil {
		return fmt.Errorf("rebuilt from the stream: %w", err)
	}
	return nil
}

// calm ends what stories do to the world for a while.
func (w *world) calm() {
	w.mu.Lock()
	clear(w.arms)
	clear(w.flaky)
	w.rules = nil
	w.mu.Unlock()
	w.sim.Revoke(false)
	w.static(nil)
	for _, p := range w.replicas {
		p.wake()
	}
}

const patience = 400 // seconds of the bubble's time until a story has settled

// settle waits until nothing is under way and nothing will be.
func (w *world) settle() error {
	for _, one := range w.both() {
		one.calm()
	}
	w.sleep(3 * time.Second) // a replica that wakes up finds out that it was overtaken
	for _, one := range w.both() {
		if p := one.watch.owner.Load(); p == nil || !p.running() { // others may run that were overtaken, and don't know it yet
			one.start()
		}
	}
	rested := 0
	for range patience {
		w.sleep(time.Second)
		if err := w.failed(); err != nil {
			return fmt.Errorf("while it settles: %w", err)
		}
		rested++
		for _, one := range w.both() {
			if !one.rests() {
				rested = 0
			}
		}
		if rested > 20 { // longer than a request or a job can be under way
			return nil
		}
	}
	return fmt.Errorf("it does not settle: %s", w.restless())
}

// restless says how the destinations stand.
func (w *world) restless() string {
	var all []string
	for _, one := range w.both() {
		var st any = "no replica runs"
		if p := one.live(); p != nil {
			st = p.dest.Stats()
		}
		all = append(all, fmt.Sprintf("%s: %+v", one.name, st))
	}
	return strings.Join(all, "; ")
}

// sleep lets the bubble's time pass, looking at the list meanwhile.
func (w *world) sleep(d time.Duration) {
	for d > 0 {
		step := min(d, time.Second)
		time.Sleep(step)
		for _, one := range w.both() {
			one.watch.truth()
		}
		d -= step
	}
}

// rests reports whether the replica that runs has nothing to do.
func (w *world) rests() bool {
	p := w.live()
	if p == nil {
		return false
	}
	st := p.dest.Stats()
	if st.Paused {
		_ = doCommand(w, op("do", "resume"))
		return false
	}
	if st.RefusedNow > 0 && w.watch.retries() {
		_ = doRetry(w, op("retry"))
		return false
	}
	if removals, sweeps := w.watch.held(); removals+sweeps > 0 && st.Cursor == w.stream.last() {
		if removals > 0 {
			_ = doCommand(w, op("do", "approve"))
		}
		return false
	}
	return st.Cursor == w.stream.last() && !w.owesRecheck() && !w.watch.erases() && st.Window+st.OnTheWay+st.InDoubt+st.Jobs == 0 && st.Suspended == ""
}

// compare compares the list with the reference.
func (w *world) compare() error {
	config := w.live().config
	want := Reference(w.stream.published(), config)
	got := map[string]map[string]string{}
	w.sim.Contacts(w.list, func(c simulator.Contact) { got[c.Email] = c.Fields })
	if diff := cmp.Diff(map[string]string{"city": "Oslo"}, got[foreigner]); diff != "" {
		return fmt.Errorf("I6: the foreign member of the list (-want +got): %s", diff)
	}
	delete(got, foreigner)
	missing, taken := 0, len(got)     // whoever holds a slot counts, also who is not compared below
	if w.stream.count("erased") > 0 { // one may have taken the strange contact's other identifier with it
		delete(got, strange)
		delete(want, strange)
	}
	for email, person := range want {
		switch fields, listed := got[email]; {
		case w.refused(email):
			if config.Cap == 0 && !person.Bad && !w.refusedLetter(email) {
				return fmt.Errorf("%s is refused by SendGrid, and there is no dead letter", email)
			}
		case person.Bad && !listed:
		case !listed:
			missing++
		case !person.Bad:
			if diff := cmp.Diff(person.Fields, w.mapped(fields, person, config)); diff != "" {
				return fmt.Errorf("fields of %s (-want +got): %s", email, diff)
			}
		}
	}
	for email := range got {
		if _, wanted := want[email]; !w.watch.foreign[email] && (!wanted || w.refused(email)) {
			return fmt.Errorf("%s is on the list, and nothing selects it (wanted: %v)", email, slices.Sorted(maps.Keys(want)))
		}
	}
	if err := w.account(); err != nil {
		return err
	}
	if missing > 0 && w.plan == 0 && (config.Cap == 0 || taken < config.Cap) {
		return fmt.Errorf("the list holds %v, wanted are %v, the cap is %d; %s", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)), config.Cap, w.standing())
	}
	return nil
}

func (w *world) standing() string {
	return fmt.Sprintf("the ledger says %+v", w.watch.look())
}

// mapped is what SendGrid has in the mapped fields, "" where it has nothing.
// Where the departed are forgotten, so is what has to be cleared should they come back.
func (w *world) mapped(fields map[string]string, want Person, c Config) map[string]string {
	out := map[string]string{}
	for name := range mappings[c.Mapping] {
		out[name] = fields[name]
		if w.keep > 0 && want.Fields[name] == "" {
			out[name] = ""
		}
	}
	return out
}

// account checks that SendGrid has nobody whom no joining person ever named.
func (w *world) account() error {
	named, joined := map[string]bool{foreigner: true, strange: true}, map[string]bool{}
	for _, e := range w.stream.published() {
		joined[e.Profile] = joined[e.Profile] || e.Entered
	}
	for _, e := range w.stream.published() {
		address, _ := e.Attributes["email"].(string)
		named[identity(address)] = named[identity(address)] || joined[e.Profile]
	}
	var strangers []string
	w.sim.Contacts("", func(c simulator.Contact) {
		if !named[c.Email] {
			strangers = append(strangers, c.Email)
		}
	})
	if len(strangers) > 0 {
		return fmt.Errorf("the account holds %v, and nobody who ever joined has such an address", strangers)
	}
	return nil
}

// refusedLetter reports whether a contact that SendGrid refuses was set aside.
func (w *world) refusedLetter(email string) bool {
	events := w.stream.published()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.letters {
		l := &w.letters[i]
		address, _ := events[l.Sequence-1].Attributes["email"].(string)
		if l.Reason == "sendgrid_refused" && identity(address) == email || l.Reason == "other_identifier" {
			return true
		}
	}
	return false
}
