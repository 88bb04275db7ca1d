package simulator

import (
	"context"
	"net/http"
	"time"
)

// route is one served path with its template, which limits and logs go by.
type route struct {
	pattern string // of the mux
	name    string // METHOD path template, without /v3/marketing
	limit   func(o *Options) int
	serve   func(s *Simulator, x *exchange)
}

func tight(o *Options) int { return o.Limit }
func wide(o *Options) int  { return o.LimitOther }
func erasing(*Options) int { return 100 }

func table() []route {
	const m = "/v3/marketing"
	return []route{
		{"PUT " + m + "/contacts", "PUT contacts", tight, (*Simulator).putContacts},
		{"DELETE " + m + "/contacts", "DELETE contacts", tight, (*Simulator).deleteContacts},
		{"GET " + m + "/contacts", "GET contacts", wide, (*Simulator).sample},
		{"GET " + m + "/contacts/count", "GET contacts/count", wide, (*Simulator).count},
		{"GET " + m + "/contacts/{id}", "GET contacts/{id}", wide, (*Simulator).getContact},
		{"POST " + m + "/contacts/batch", "POST contacts/batch", tight, (*Simulator).batch},
		{"POST " + m + "/contacts/search/emails", "POST contacts/search/emails", tight, (*Simulator).searchEmails},
		{"POST " + m + "/contacts/search/identifiers/{type}", "POST contacts/search/identifiers/{type}", tight, (*Simulator).searchIdentifiers},
		{"DELETE " + m + "/contacts/{id}/identifiers", "DELETE contacts/{id}/identifiers", tight, (*Simulator).deleteIdentifier},
		{"GET " + m + "/contacts/imports/{id}", "GET contacts/imports/{id}", wide, (*Simulator).getJob},
		{"POST " + m + "/contacts/exports", "POST contacts/exports", tight, (*Simulator).postExport},
		{"GET " + m + "/contacts/exports", "GET contacts/exports", wide, (*Simulator).getExports},
		{"GET " + m + "/contacts/exports/{id}", "GET contacts/exports/{id}", wide, (*Simulator).getExport},
		{"POST " + m + "/lists", "POST lists", wide, (*Simulator).postList},
		{"GET " + m + "/lists", "GET lists", wide, (*Simulator).getLists},
		{"GET " + m + "/lists/{id}", "GET lists/{id}", wide, (*Simulator).getList},
		{"PATCH " + m + "/lists/{id}", "PATCH lists/{id}", wide, (*Simulator).patchList},
		{"DELETE " + m + "/lists/{id}", "DELETE lists/{id}", wide, (*Simulator).deleteList},
		{"DELETE " + m + "/lists/{id}/contacts", "DELETE lists/{id}/contacts", wide, (*Simulator).removeFromList},
		{"GET " + m + "/lists/{id}/contacts/count", "GET lists/{id}/contacts/count", wide, (*Simulator).listCount},
		{"GET " + m + "/field_definitions", "GET field_definitions", wide, (*Simulator).getFields},
		{"POST " + m + "/field_definitions", "POST field_definitions", wide, (*Simulator).postField},
		{"PATCH " + m + "/field_definitions/{id}", "PATCH field_definitions/{id}", wide, (*Simulator).patchField},
		{"DELETE " + m + "/field_definitions/{id}", "DELETE field_definitions/{id}", wide, (*Simulator).deleteField},
		{"GET /v3/scopes", "GET scopes", wide, (*Simulator).scopes},
		{"GET /v3/asm/suppressions/global/{email}", "GET asm/suppressions/global/{email}", wide, (*Simulator).getSuppression},
		{"POST /v3/asm/suppressions/global", "POST asm/suppressions/global", wide, (*Simulator).postSuppressions},
		{"DELETE /v3/asm/suppressions/global/{email}", "DELETE asm/suppressions/global/{email}", wide, (*Simulator).deleteSuppression},
		{"POST /v3/recipients/erasejob", "POST recipients/erasejob", erasing, (*Simulator).postErasure},
	}
}

func (s *Simulator) routes() {
	s.mux = http.NewServeMux()
	for _, rt := range table() {
		s.mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(rt, w, r) })
	}
	s.mux.HandleFunc("GET /simulator/errors/{id}", s.file((*Simulator).getErrors))
	s.mux.HandleFunc("GET /simulator/exports/{id}/{part}", s.file((*Simulator).getExportFile))
	s.inspection()
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{Request: r, header: http.Header{}}
		x.fail(http.StatusNotFound, said("the simulator does not serve this route: see docs/simulator.md"))
		x.send(w)
	})
}

// file serves what is fetched without a key: its address is the secret.
func (s *Simulator) file(serve func(*Simulator, *exchange)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{Request: r, status: http.StatusOK, header: http.Header{}}
		func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.advance()
			serve(s, x)
		}()
		x.send(w)
	}
}

// ServeHTTP serves SendGrid's routes and the simulator's own.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name := onBehalfOf(r); name != "" {
		sub := s.subs[name]
		if sub == nil {
			x := &exchange{Request: r, header: http.Header{}}
			x.fail(http.StatusForbidden, nobodys("access forbidden"))
			x.send(w)
			return
		}
		sub.mux.ServeHTTP(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// bodyLimit is the largest body that is read but for an upsert's.
const bodyLimit = 1 << 20

// serve passes one request through authentication, rate limit and faults to its route.
func (s *Simulator) serve(rt route, w http.ResponseWriter, r *http.Request) {
	limit := bodyLimit
	if rt.name == "PUT contacts" {
		limit = s.opts.ByteLimit
	}
	x, err := receive(r, limit)
	if err != nil {
		panic(http.ErrAbortHandler) // the client went while it was sending
	}
	s.hold(rt.name)
	delay, abort := s.answer(rt, x)
	if delay > 0 {
		rest(r.Context(), delay)
	}
	if abort {
		panic(http.ErrAbortHandler)
	}
	x.send(w)
}

// answer works a request out under the lock. The answer may have to wait for a time, or to be lost.
func (s *Simulator) answer(rt route, x *exchange) (delay time.Duration, abort bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	s.log.begin(s.now(), rt.name)
	defer func() { s.log.end(x.status) }()
	s.headers(rt, x)
	if !s.authorised(rt, x) || s.limited(rt, x) {
		return 0, false
	}
	f := s.fault(rt.name)
	if f != nil && f.instead(x) {
		return 0, f.Kind == "reset"
	}
	rt.serve(s, x)
	if f == nil {
		return 0, false
	}
	return seconds(f.Delay), f.Kind == "lose"
}

// rest waits, unless the client goes first.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
