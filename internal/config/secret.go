package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// Secret is a key or token that comes from the environment or from a file. A file is read again when its
// time or size changes, and when Forget was called (after a 401, where a rotation kept both). It is safe
// for concurrent use, and never prints its value.
type Secret struct {
	name    string // for messages: the key of the configuration
	literal string
	path    string

	mu    sync.Mutex // guards what follows
	value string
	mtime time.Time
	size  int64
	fresh bool
}

// Key is the account's API key.
func (a *Account) Key() *Secret {
	return &Secret{name: "api_key of account " + a.ID, literal: a.APIKey, path: a.APIKeyFile}
}

// FileSecret is a secret that only a file holds.
func FileSecret(name, path string) *Secret { return &Secret{name: name, path: path} }

// Value gives the secret, without white space around it.
func (s *Secret) Value() (string, error) {
	if s.path == "" {
		if s.literal == "" {
			return "", fmt.Errorf("read the %s: none is configured", s.name)
		}
		return s.literal, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.path)
	if err != nil {
		return "", s.unreadable(err)
	}
	if s.fresh && info.ModTime().Equal(s.mtime) && info.Size() == s.size {
		return s.value, nil
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		return "", s.unreadable(err)
	}
	value := strings.TrimSpace(string(bytes.TrimPrefix(text, byteOrderMark)))
	if value == "" {
		return "", s.unreadable(errEmptySecret)
	}
	s.value, s.mtime, s.size, s.fresh = value, info.ModTime(), info.Size(), true
	return value, nil
}

// SecretError says that a secret's file can't be used.
type SecretError struct {
	text  string
	cause error
}

func (e *SecretError) Error() string { return e.text }

// Unwrap gives the cause.
func (e *SecretError) Unwrap() error { return e.cause }

func (s *Secret) unreadable(err error) error {
	why := unwrapped(err).Error()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why = "there is no such file: write it, or correct the path (from the working directory)"
	case errors.Is(err, fs.ErrPermission):
		why = "this user may not read it: see to its owner and mode"
	}
	return &SecretError{fmt.Sprintf("read the %s from %s: %s", s.name, s.path, why), err}
}

var errEmptySecret = errors.New("the file is empty; write the key into it")

// Forget makes the next Value read the file again, whatever its time says.
func (s *Secret) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fresh = false
}

// String keeps a secret out of anything that formats it.
func (s *Secret) String() string { return "[" + s.name + "]" }

// GoString keeps it out of %#v.
func (s *Secret) GoString() string { return s.String() }
