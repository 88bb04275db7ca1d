package pipeline

import "go.uber.org/zap"

// fullnessSteps are the shares of the cap, in percent, at which the operator is told.
var fullnessSteps = [...]int{80, 95, 100}

// fullnessRoom is how many percent of the cap the slots have to fall below a step before it is told again: at a full cap they fall
// and rise with every removal, several times a second.
const fullnessRoom = 10

// tellFullness warns once each time that the slots reach a step of the cap; well below it the step counts anew.
func (l *loop) tellFullness() {
	limit := l.opts.Policy.Cap
	if limit == 0 {
		return
	}
	reached := 0
	for _, percent := range fullnessSteps {
		if l.state.Book.Slots()*100 >= limit*percent {
			reached = percent
		}
	}
	if reached > l.fullness {
		l.log.Warn("the profile cap fills up: at 100 % who enters waits in line; raise profile_cap, or see: consumer waiting",
			zap.Int("percent", reached), zap.Int("slots", l.state.Book.Slots()), zap.Int("profile_cap", limit))
	}
	if reached > l.fullness || l.state.Book.Slots()*100 < limit*(l.fullness-fullnessRoom) {
		l.fullness = reached
	}
}
