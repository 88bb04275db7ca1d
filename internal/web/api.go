package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"go.uber.org/zap"

	"rollcall/internal/scrub"
)

// maxBody is the most that a POST may hold, in bytes: it names one person.
const maxBody = 16 << 10

type api struct {
	reader Reader
	log    *zap.Logger
}

func (a api) destinations(w http.ResponseWriter, r *http.Request) {
	status, err := a.reader.Status(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, status)
}

func (a api) query(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			refuse(w, http.StatusRequestEntityTooLarge, "the body can't be read, or is above 16 KiB")
			return
		}
		if len(body) > 0 && !json.Valid(body) {
			refuse(w, http.StatusBadRequest, "the body is no JSON")
			return
		}
		answer, err := a.reader.Query(r.Context(), r.PathValue("id"), name, body)
		if err != nil {
			a.fail(w, err)
			return
		}
		a.answer(w, answer)
	})
}

func (a api) answer(w http.ResponseWriter, answer any) {
	body, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		a.log.Error("an answer could not be encoded", zap.Error(err))
		refuse(w, http.StatusInternalServerError, "the answer could not be encoded")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	write(w, append(body, '\n'))
}

// fail answers with an error's own status, or 500.
func (a api) fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var withStatus interface{ HTTPStatus() int }
	if errors.As(err, &withStatus) && withStatus.HTTPStatus() >= 400 && withStatus.HTTPStatus() < 600 {
		status = withStatus.HTTPStatus()
	}
	refuse(w, status, scrub.Text(err.Error()))
}

func refuse(w http.ResponseWriter, status int, message string) {
	body, err := json.Marshal(struct {
		Error string `json:"error"`
	}{message})
	if err != nil {
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	write(w, append(body, '\n'))
}
