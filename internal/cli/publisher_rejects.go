package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"unicode/utf8"

	"rollcall/internal/publish"
)

// rejects keeps refused rows as they were. It names persons, as the input does: only its owner may read it.
type rejects struct {
	file *os.File
	rows int
}

// rejected is one of its lines.
type rejected struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	Row    string `json:"row,omitempty"`        // as it was; absent where it was too long
	Bytes  []byte `json:"row_base64,omitempty"` // where it is no text
}

// openRejects makes the file; one that is there already is somebody's work.
func openRejects(path string) (*rejects, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, misuse("--rejects: %s is there already: name another file, or move it away", path)
	}
	if err != nil {
		return nil, misuse("--rejects: %w", err)
	}
	return &rejects{file: file}, nil
}

func (r *rejects) keep(file string, item *publish.Item, why *publish.RowError) error {
	line := rejected{File: file, Line: item.Line, Reason: string(why.Reason), Detail: why.Detail}
	if utf8.Valid(item.Raw) {
		line.Row = string(item.Raw)
	} else {
		line.Bytes = item.Raw
	}
	encoder := json.NewEncoder(r.file)
	encoder.SetEscapeHTML(false)
	r.rows++
	if err := encoder.Encode(line); err != nil {
		return fmt.Errorf("keep a refused row: %w", err)
	}
	return nil
}

// close leaves no file where nothing was refused.
func (r *rejects) close() error {
	err := r.file.Close()
	if r.rows == 0 {
		err = errors.Join(err, os.Remove(r.file.Name()))
	}
	return err
}
