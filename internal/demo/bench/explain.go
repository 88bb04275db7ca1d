package bench

import (
	"context"
	"fmt"
	"time"

	"rollcall/internal/control"
)

// Explain measures `consumer explain` on a ledger of so many listed contacts: through the active replica, and with
// none. Times are of the whole process, from its start to its end.
func Explain(ctx context.Context, o Operated) error {
	s, err := newSink(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	i, err := newInstallation(ctx, o, s.url, fmt.Sprintf("clock_scale: %d", clockScale))
	if err != nil {
		return err
	}
	defer i.close()
	if err := i.start(ctx, o.Contacts); err != nil {
		return err
	}
	fmt.Fprintf(o.Said, "explain, %d listed contacts\n", o.Contacts)
	if err := i.explain(ctx, "through the active replica"); err != nil {
		return err
	}
	i.stop()
	return i.explain(ctx, "with none")
}

// asked is how often each question is put.
const asked = 10

func (i *installation) explain(ctx context.Context, how string) error {
	for _, by := range []string{"e-mail", "profile"} {
		var most, sum time.Duration
		for n := range asked {
			number := (n*2 + 1) * i.o.Contacts / (2 * asked)
			who := fmt.Sprintf("p%07d", number)
			if by == "e-mail" {
				who = fmt.Sprintf("person.%07d@example.com", number)
			}
			var a control.ExplainAnswer
			took, err := i.ask(ctx, &a, "explain", destination, who)
			if err != nil {
				return err
			}
			if len(a.Contacts) != 1 || !a.Contacts[0].Listed || a.Contacts[0].Fields["city"] != "London" || len(a.Profiles) != 1 {
				return fmt.Errorf("explain does not know %s: %+v", by, a)
			}
			most, sum = max(most, took), sum+took
		}
		fmt.Fprintf(i.o.Said, "  %-26s by %-7s  %5.2f s on average, %5.2f s at most, of %d\n", how, by, (sum / asked).Seconds(), most.Seconds(), asked)
	}
	return nil
}
