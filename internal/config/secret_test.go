package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAKeyFileIsTrimmedAndReadAgainWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	check := func(secret *Secret, want string) {
		t.Helper()
		if got, err := secret.Value(); err != nil || got != want {
			t.Errorf("value %q, error %v, want %q", got, err, want)
		}
	}
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	write(" first\n", day)
	secret := (&Account{ID: "acme", APIKeyFile: path}).Key()
	check(secret, "first")
	write("second\n", day.Add(time.Second))
	check(secret, "second")

	// A rotation that keeps time and size is found after a 401.
	write("rotate\n", day.Add(time.Second))
	check(secret, "second")
	secret.Forget()
	check(secret, "rotate")
	if text := fmt.Sprintf("%v %+v %#v", secret, secret, secret); strings.Contains(text, "rotate") {
		t.Errorf("a secret prints itself: %s (I12)", text)
	}
}

func TestAKeyFileThatFailsSaysWhichAndNeverUsesAnOldKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	secret := FileSecret("token", path)
	if _, err := secret.Value(); err == nil || !strings.Contains(err.Error(), "read the token from "+path) {
		t.Errorf("error = %v", err)
	}
	if err := os.WriteFile(path, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Value(); err == nil || !strings.Contains(err.Error(), "the file is empty") {
		t.Errorf("error = %v", err)
	}
	if _, err := (&Account{ID: "acme"}).Key().Value(); err == nil {
		t.Error("an account without a key has one")
	}
}

// Some editors write a byte order mark in front: no key begins with one.
func TestAByteOrderMarkIsNoPartOfAKeyOrAFile(t *testing.T) {
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key"), filepath.Join(dir, "rollcall.yaml")
	for path, text := range map[string]string{key: "secret\r\n", file: good} {
		if err := os.WriteFile(path, []byte("\xef\xbb\xbf"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := FileSecret("key", key).Value(); err != nil || got != "secret" {
		t.Errorf("the key is %q, %v", got, err)
	}
	if cfg, err := Load(file, testEnv); err != nil || len(cfg.Destinations) != 1 {
		t.Errorf("the file: %v", err)
	}
	if _, err := LoadNATS(file, testEnv); err != nil {
		t.Errorf("the nats section: %v", err)
	}
}

func TestAKeyFileThatIsNotThereIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	_, err := (&Account{ID: "acme", APIKeyFile: path}).Key().Value()
	want := "read the api_key of account acme from " + path + ": there is no such file: write it, or correct the path (from the working directory)"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
