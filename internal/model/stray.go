package model

// doStray puts a message on the ledger's subject that is no entry: nobody believes it, whoever is active goes on, and a claim
// is a fence as before.
func doStray(w *world, _ Op) error {
	w.ledger.Stray()
	return nil
}

func (g *generator) stray() { g.add("stray") }
