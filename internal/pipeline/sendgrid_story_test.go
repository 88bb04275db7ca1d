package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/internal/sendgrid/simulator"
)

// I7, story 1, story 27: a replica uploads, stops, and another follows the job. What the job refuses is a dead letter with
// SendGrid's reason that names the event which set the contact's fields, and holds that event's own bytes.
func TestARestartBetweenUploadAndPollKeepsWhichEventARowCameFrom(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		s.raw(`{"email":"p1@example.com","external_id":"7"}`)
		time.Sleep(time.Minute)
		s.begin()
		s.all("a", "entered", numbered("p", 3)) // sequences 1, 2, 3
		for s.d.Stats().Accepted[1] == 0 {
			time.Sleep(100 * time.Millisecond)
		}
		stop := s.stop
		s.stop = nil
		if err := stop(); err != nil {
			s.Fatal(err)
		}
		if len(s.letters) != 0 {
			s.Fatal("the job's end was known before the restart")
		}
		o := s.options()
		s.opts.Journal, s.opts.Source = o.Journal, o.Source
		s.begin()
		s.quiet(20 * time.Minute)
		if len(s.letters) != 1 {
			s.Fatalf("%d letters", len(s.letters))
		}
		l := s.letters[0]
		if l.Reason != "other_identifier" || l.Detail == "" || l.Sequence != 2 || l.BodyExpired || !strings.Contains(string(l.Body), `"p1"`) {
			s.Errorf("the letter of the second event: %s (%s), sequence %d, body %q", l.Reason, l.Detail, l.Sequence, l.Body)
		}
		if sum := s.sim.Summary(); sum.Requests["PUT contacts"] != 2 { // ours, and the test's own
			s.Errorf("%d upserts: what was uploaded was uploaded again", sum.Requests["PUT contacts"])
		}
	})
}

// Story 8: 150 lists are in the account, ours among them: none is made, and none is changed but ours.
func TestOfManyListsNoneIsMade(t *testing.T) {
	onScene(t, simulator.Options{}, func(s *scene) {
		for n := range 149 {
			s.sim.AddList("", fmt.Sprint("Newsletter ", n))
		}
		s.begin()
		s.all("a", "entered", numbered("p", 3))
		s.quiet(10 * time.Minute)
		for route := range s.sim.Summary().Requests {
			if strings.HasSuffix(route, " lists") && !strings.HasPrefix(route, "GET ") {
				s.Errorf("a request was made of %s", route)
			}
		}
		if on := s.members(); len(on) != 3 {
			s.Errorf("%d are on our list", len(on))
		}
	})
}
