package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"
)

type list struct {
	id, name string
	count    int
}

const (
	maxLists = 1000
	maxName  = 100
	listsURL = "https://api.sendgrid.com/v3/marketing/lists"
)

// AddList makes a list without a request, and returns its id; a given id is kept.
func (s *Simulator) AddList(id, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		id = s.id()
	}
	s.lists[id] = &list{id: id, name: name}
	return id
}

func (l *list) shape() map[string]any {
	return map[string]any{
		"id": l.id, "name": l.name, "contact_count": l.count, "_metadata": map[string]string{"self": listsURL + "/" + l.id},
	}
}

func named(name string) bool { return name != "" && utf8.RuneCountInString(name) <= maxName }

func (s *Simulator) postList(x *exchange) {
	var in struct {
		Name string `json:"name"`
	}
	if !x.decode(&in) || !named(in.Name) || len(s.lists) >= maxLists {
		x.fail(http.StatusBadRequest, wrong("name", "a name of 1 to 100 characters is needed, and fewer than 1,000 lists"))
		return
	}
	l := &list{id: s.id(), name: in.Name}
	s.lists[l.id] = l
	x.json(http.StatusCreated, l.shape())
}

// getLists pages by id. The count that SendGrid gives beside has been seen to be wrong; so is this one.
func (s *Simulator) getLists(x *exchange) {
	q := x.URL.Query()
	size, err := strconv.Atoi(q.Get("page_size"))
	if err != nil || size < 1 {
		size = 100
	}
	if size > 1000 {
		x.fail(http.StatusBadRequest, wrong("page_size", "page_size is at most 1000"))
		return
	}
	ids := make([]string, 0, len(s.lists))
	for id := range s.lists {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	from, _ := slices.BinarySearch(ids, q.Get("page_token"))
	end := min(len(ids), from+size)
	result := []any{}
	for _, id := range ids[from:end] {
		result = append(result, s.lists[id].shape())
	}
	page := func(i int) string {
		return listsURL + "?page_size=" + strconv.Itoa(size) + "&page_token=" + ids[i]
	}
	meta := map[string]any{"self": "https://api.sendgrid.com" + x.URL.RequestURI(), "count": len(ids) + 1}
	if from > 0 {
		meta["prev"] = page(max(0, from-size))
	}
	if end < len(ids) {
		meta["next"] = page(end)
	}
	x.json(http.StatusOK, map[string]any{"result": result, "_metadata": meta})
}

// ofList is the list that the path names; nil where it has answered.
func (s *Simulator) ofList(x *exchange) *list {
	l := s.lists[x.PathValue("id")]
	if l == nil {
		x.fail(http.StatusNotFound, wrong("id", "list not found"))
	}
	return l
}

func (s *Simulator) getList(x *exchange) {
	l := s.lists[x.PathValue("id")]
	if l == nil {
		x.json(http.StatusNotFound, []problem{wrong("id", "list not found")}) // a bare array, here alone
		return
	}
	x.json(http.StatusOK, l.shape())
}

func (s *Simulator) patchList(x *exchange) {
	var in struct {
		Name string `json:"name"`
	}
	l := s.ofList(x)
	if l == nil {
		return
	}
	if !x.decode(&in) || !named(in.Name) {
		x.fail(http.StatusBadRequest, wrong("name", "a name of 1 to 100 characters is needed"))
		return
	}
	l.name = in.Name
	x.json(http.StatusOK, l.shape())
}

func (s *Simulator) listCount(x *exchange) {
	if l := s.ofList(x); l != nil {
		x.json(http.StatusOK, map[string]int{"contact_count": l.count, "billable_count": l.count})
	}
}

// deleteList takes a list away at once; its contacts go by a job, where that was asked for.
func (s *Simulator) deleteList(x *exchange) {
	l := s.ofList(x)
	if l == nil {
		return
	}
	members := s.people.ordered(func(c *contact) bool { return contains(c.lists, l.id) })
	var ids []string
	for _, c := range members {
		s.leave(c, l.id, s.now())
		ids = append(ids, c.id)
	}
	delete(s.lists, l.id)
	if x.URL.Query().Get("delete_contacts") == "true" {
		x.json(http.StatusOK, map[string]string{"job_id": s.deletion(ids).id})
		return
	}
	x.status = http.StatusNoContent
}
