package simulator

import (
	"encoding/json"
	"net"
	"net/http"
)

// inspection serves what tests and audits look at, to this machine alone unless Inspect is set.
func (s *Simulator) inspection() {
	for pattern, serve := range map[string]http.HandlerFunc{
		"GET /simulator/v1/state":    s.serveState,
		"GET /simulator/v1/contacts": s.serveContacts,
		"GET /simulator/v1/history":  s.serveHistory,
		"GET /simulator/v1/requests": s.serveRequests,
		"GET /simulator/v1/jobs":     s.serveJobs,
		"GET /simulator/v1/faults":   s.serveFaults,
		"POST /simulator/v1/faults":  s.takeFaults,
	} {
		s.mux.HandleFunc(pattern, s.guard(serve))
	}
}

func (s *Simulator) guard(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); !s.opts.Inspect && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "inspection is for this machine alone: start the simulator with --inspect", http.StatusForbidden)
			return
		}
		h(w, r)
	}
}

func show(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that has gone needs no answer
}

func (s *Simulator) serveState(w http.ResponseWriter, _ *http.Request) { show(w, s.Summary()) }

func (s *Simulator) serveJobs(w http.ResponseWriter, _ *http.Request) { show(w, s.Jobs()) }

func (s *Simulator) serveRequests(w http.ResponseWriter, _ *http.Request) { show(w, s.Requests()) }

// serveContacts writes one contact a line.
func (s *Simulator) serveContacts(w http.ResponseWriter, r *http.Request) {
	var all []Contact
	s.Contacts(r.URL.Query().Get("list"), func(c Contact) { all = append(all, c) })
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for i := range all {
		_ = enc.Encode(all[i])
	}
}

// serveHistory writes one change of a list a line.
func (s *Simulator) serveHistory(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for _, m := range s.History(r.URL.Query().Get("list")) {
		_ = enc.Encode(m)
	}
}

func (s *Simulator) serveFaults(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	p := Plan{Faults: []Fault{}, Revoked: s.revoked, Blocked: s.blocked}
	for _, f := range s.faults {
		p.Faults = append(p.Faults, *f)
	}
	s.mu.Unlock()
	show(w, p)
}

func (s *Simulator) takeFaults(w http.ResponseWriter, r *http.Request) {
	var plan Plan
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit)).Decode(&plan)
	if err == nil {
		err = s.SetPlan(plan)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
