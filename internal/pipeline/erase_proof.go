package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"rollcall/internal/ledger/record"
	"rollcall/internal/state"
)

// shred forces a snapshot without the persons, whose pointer is followed by overwriting what it replaces.
func (l *loop) shred() {
	if l.storing || l.pointer != nil {
		return
	}
	l.proof.shreds = nil
	for i := range l.state.Meta.Erasures {
		if e := &l.state.Meta.Erasures[i]; e.Stage == record.Shredding && !l.proof.waits(e, l.now()) {
			l.proof.shreds = append(l.proof.shreds, e.Sequence)
		}
	}
	if l.opts.Compactor == nil {
		l.prove()
		return
	}
	l.opts.at(AtShred)
	l.proof.busy, l.proof.shredAt = true, true
	l.store(l.opts.Journal.Tail())
}

// shredded ends the erasures that a snapshot covers, or lets it be tried again.
func (l *loop) shredded(err error) {
	l.proof.busy = false
	if err != nil {
		l.proof.later(l.proof.shreds...)
		l.log.Warn("the journal of erased persons cannot be overwritten yet; it is tried again", zap.Error(err))
		return
	}
	l.prove()
}

// prove publishes what was done, and ends the erasures.
func (l *loop) prove() {
	var shredded []state.Erasure
	for _, e := range l.state.Meta.Erasures {
		if e.Stage == record.Shredding && slices.Contains(l.proof.shreds, e.Sequence) {
			shredded = append(shredded, e)
		}
	}
	left := len(shredded)
	l.proof.busy = left > 0
	for i := range shredded {
		l.opts.at(AtProof)
		l.receipted(l.receiptOf("erasure", l.proofOf(&shredded[i])), func() {
			left--
			l.proof.busy = left > 0
			l.stage(shredded[i].Sequence, record.Proven, nil)
		})
	}
}

// proofOf is what the receipt of an erasure says. It names nobody.
func (l *loop) proofOf(e *state.Erasure) map[string]any {
	stream := l.opts.Binding.Stream
	contacts := fmt.Sprintf("%d deleted and looked up", e.Known)
	if e.Known == 0 {
		contacts = "unknown here"
	}
	fields := map[string]any{
		"sequence": e.Sequence, "contacts": contacts, "began": time.Unix(0, e.Began).UTC().Format(time.RFC3339Nano),
		"dead_letters_overwritten": e.Letters, "events_overwritten": e.Events, "ledger": "replaced and overwritten",
		"request": fmt.Sprintf("event %d stays in stream %s, with the profile's id and the e-mails that it names: "+
			"a ledger that is restored or made again learns of the erasure from it", e.Sequence, stream),
	}
	remarks := []string{"bytes of events that the broker had superseded before leave its files when it compacts their block"}
	switch until := e.Found.Until; {
	case e.Found.Kept && until != 0:
		fields["events_until"] = time.Unix(0, until).UTC().Format(time.RFC3339)
		remarks = []string{"stream " + stream + " does not allow single events to be overwritten: its age limit drops them by events_until"}
	case e.Found.Kept:
		fields["events_until"] = "never"
		remarks = []string{"stream " + stream + " does not allow single events to be overwritten and has no age limit: " +
			"the person's events stay in it until somebody makes the stream again with deny_delete: false"}
	}
	if owed := e.Found.Owed; len(owed) > 0 {
		fields["rechecks_owed"] = owed
		remarks = append(remarks, "not running, and so to look at the deleted contacts once they run: "+strings.Join(owed, ", "))
	}
	fields["remark"] = strings.Join(remarks, "; ")
	return fields
}
