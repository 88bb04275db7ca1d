package broker

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// FileError says that a file which identifies us to the broker can't be used: no broker was asked.
type FileError struct{ text string }

func (e *FileError) Error() string { return e.text }

func fileFault(format string, arguments ...any) error {
	return &FileError{fmt.Sprintf(format, arguments...)}
}

// readable looks at the files that identify us, before a connection is tried: the client would say only that it failed, and would try
// again for as long as it was told to. The error names the key and the file, never what stands in it.
func (o Options) readable() error {
	for _, file := range []struct{ key, path string }{
		{"creds_file", o.CredsFile},
		{"nkey_file", o.NKeyFile},
		{"tls.ca_file", o.TLS.CAFile},
		{"tls.cert_file", o.TLS.CertFile},
		{"tls.key_file", o.TLS.KeyFile},
	} {
		if file.path == "" {
			continue
		}
		text, err := os.ReadFile(file.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fileFault("read nats.%s: there is no file %s: write it, or correct the path (from the working directory)", file.key, file.path)
		case errors.Is(err, fs.ErrPermission):
			return fileFault("read nats.%s: this user may not read %s: see to its owner and mode", file.key, file.path)
		case err != nil:
			return fileFault("read nats.%s: %v", file.key, err)
		case len(bytes.TrimSpace(text)) == 0:
			return fileFault("read nats.%s: %s is empty", file.key, file.path)
		case file.key == "nkey_file" && bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
			return fileFault("read nats.%s: %s begins with a byte order mark: save it without one", file.key, file.path)
		}
	}
	return nil
}
