package pipeline

// Step is a point of an event's way between two things that change the world, where a test stops the process. The
// numbers in docs/architecture.md say where each lies; what happens inside a call (an entry that is stored and not
// answered yet, a request that is written) is the callee's.
type Step uint8

// The steps, in the order of the way.
const (
	AtLoaded      Step = iota // the ledger was loaded, nothing is claimed
	AtClaimed                 // the claim is committed, the consumer not reset
	AtReset                   // the consumer is reset, nothing drawn
	AtDrawn                   // 1: events came, none is decoded
	AtDecoded                 // 2: decoded and mapped, not handed to the loop
	AtFolding                 // 3: part of the next entry
	AtLettered                // 4: the dead letters are confirmed, the entry is not published
	AtCommit                  // an entry with events is about to be published
	AtCommitted               // it was answered, and is not applied
	AtAck                     // about to acknowledge
	AtAcked                   // acknowledged
	AtDue                     // 5: contacts came due
	AtPlanned                 // 6: intents, waiting and held contacts are decided, not written
	AtIntent                  // 7: an entry with intents is about to be published
	AtIntended                // it was answered, no request was made
	AtFind                    // the ids of a removal are about to be looked up
	AtFound                   // they were
	AtSend                    // a request that changes SendGrid is about to be made
	AtAnswered                // it was answered, or got no answer: nothing is written of it
	AtOutcome                 // an entry with outcomes is about to be published
	AtKept                    // it was answered
	AtDoubt                   // 8: an answer that never came was noted, and is not written
	AtLook                    // contacts in doubt past their horizon are about to be looked up
	AtLooked                  // they were
	AtPoll                    // 9: a job is about to be asked for
	AtPolled                  // it was
	AtConfirm                 // an accepted removal is about to be looked up
	AtConfirmed               // it was
	AtAside                   // the dead letters of refused contacts are about to be published
	AtAsideDone               // they are confirmed, the outcome is not written
	AtReceipt                 // a receipt is about to be published
	AtJudged                  // a refresh is judged, its verdict not written
	AtReread                  // fields were read again, and are not written
	AtFill                    // a part of a back-fill was read, and is not written
	AtReplay                  // a part of a replay was read, and is not written
	AtReplaySend              // contacts that a re-reading touched are about to become due, or a replay to end
	AtSnapshot                // a snapshot is about to be stored
	AtSnapshotted             // it is stored, no pointer names it
	AtPointer                 // its pointer is about to be committed
	AtPointed                 // it is committed, nothing is purged
	AtPurged                  // the journal below it is purged
	AtRecheck                 // erasure: the account's other destinations are about to recheck
	AtRechecked               // they did
	AtPerson                  // events and dead letters of the person are about to be overwritten
	AtPersonGone              // they are
	AtShred                   // the snapshot without the person is about to be made
	AtShredded                // the journal before it is overwritten
	AtProof                   // the proof is about to be published
	steps
)

var stepNames = [steps]string{
	"loaded", "claimed", "was-reset", "drawn", "decoded", "folding", "lettered", "commit", "committed", "to-ack", "acked", "due", "planned",
	"intent", "intended", "find", "found", "send", "answered", "outcome", "kept", "doubt", "to-look", "looked", "poll", "polled",
	"confirm", "confirmed", "aside", "aside-done", "to-receipt", "judged", "reread", "fill", "replay-read", "replay-send",
	"to-snapshot", "snapshotted", "to-pointer", "pointed", "purged", "recheck", "rechecked", "person", "person-gone", "to-shred", "shredded", "proof",
}

// String names the step, as docs/model.md and the stories of the model do.
func (s Step) String() string { return stepNames[s] }

// Steps returns every step.
func Steps() []Step {
	all := make([]Step, steps)
	for i := range all {
		all[i] = Step(i)
	}
	return all
}

// at tells the test that has to know that the process has come to a step.
func (o *Options) at(s Step) {
	if o.Crash != nil {
		o.Crash(s)
	}
}

// before and after tell of an entry by what is in it.
func (l *loop) before(p *proposal) { l.opts.entry(p, AtCommit, AtIntent, AtOutcome) }

func (l *loop) after(p *proposal) { l.opts.entry(p, AtCommitted, AtIntended, AtKept) }

func (o *Options) entry(p *proposal, events, intents, outcomes Step) {
	if p.folded != nil {
		o.at(events)
	}
	if len(p.intents) > 0 {
		o.at(intents)
	}
	if p.outcomes {
		o.at(outcomes)
	}
}
