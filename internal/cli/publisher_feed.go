package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
	"rollcall/internal/publish"
)

// feedFlags say how the files that teams have become rows, and what is done about those that do not.
type feedFlags struct {
	maps                []string
	mapFile, preset     string
	idColumn, idFrom    string
	delimiter, encoding string
	rejects             string
	strict              bool
	preview             int
}

// defaultPreview is how many rows --preview shows where no number is given.
const defaultPreview = "5"

func (f *feedFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringArrayVar(&f.maps, "map", nil, "`COLUMN=ATTRIBUTE`: a CSV column that gives an attribute, or profile_id, segment_id, change; COLUMN= leaves it out; repeats")
	flags.StringVar(&f.mapFile, "map-file", "", "`FILE` of one COLUMN=ATTRIBUTE a line")
	flags.StringVar(&f.preset, "preset", "", "the columns of a service's export, `NAME`: "+strings.Join(presetNames(nil), ", "))
	flags.StringVar(&f.idColumn, "id-column", "", "the `COLUMN` that holds the profile's id (default profile_id)")
	flags.StringVar(&f.idFrom, "id-from", "", "make ids from this `ATTRIBUTE`, email: the SHA-256 of the normalised address")
	flags.StringVar(&f.delimiter, "delimiter", "", "`CHARACTER` between columns, or tab (default: found by the header)")
	flags.StringVar(&f.encoding, "encoding", "", "the text's `ENCODING`: utf-16, windows-1252, … (default UTF-8; others are asked about)")
	flags.StringVar(&f.rejects, "rejects", "", "keep refused rows as they were in a new `FILE`, one JSON object a line, with line and reason")
	flags.BoolVar(&f.strict, "strict", false, "end with exit status 3 where a destination lacks a mapped attribute, nobody selects a segment, or rows of one profile differ")
	flags.IntVar(&f.preview, "preview", 0, "publish nothing: show the first `N` rows as events, and what each destination of the file makes of them")
	flags.Lookup("preview").NoOptDefVal = defaultPreview
	completed(command, "preset", presetNames)
}

func presetNames([]string) []string {
	var names []string
	for _, p := range publish.Presets {
		names = append(names, p.Name)
	}
	return names
}

// options adds to how rows are read.
func (f *feedFlags) options(o *publish.ReadOptions) (err error) {
	if o.Delimiter, err = publish.ParseDelimiter(f.delimiter); err != nil {
		return misuse("--delimiter: %w", err)
	}
	if o.Encoding, err = publish.ParseEncoding(f.encoding); err != nil {
		return misuse("--encoding: %w", err)
	}
	o.Columns.ID, o.Columns.IDFrom, o.KeepRaw = f.idColumn, f.idFrom, f.rejects != ""
	switch {
	case f.idColumn != "" && f.idFrom != "":
		return misuse("--id-column and --id-from do not go together: give one")
	case f.idFrom != "" && f.idFrom != "email":
		return misuse("--id-from is %q: ids are made from the attribute email only", f.idFrom)
	case f.preview < 0:
		return misuse("--preview is %d: it is 0 at least", f.preview)
	}
	if f.mapFile != "" {
		text, err := os.ReadFile(f.mapFile)
		if err != nil {
			return misuse("--map-file: %w", err)
		}
		if o.Columns.Map, err = publish.ParseMapFile(string(text)); err != nil {
			return misuse("--map-file %s: %w", f.mapFile, err)
		}
	}
	for _, text := range f.maps {
		r, err := publish.ParseMap(text)
		if err != nil {
			return misuse("--map: %w", err)
		}
		o.Columns.Map = append(o.Columns.Map, r)
	}
	return f.addPreset(o)
}

func (f *feedFlags) addPreset(o *publish.ReadOptions) error {
	if f.preset == "" {
		return nil
	}
	for _, p := range publish.Presets {
		if p.Name == f.preset {
			o.Columns = o.Columns.Over(p.Columns)
			return nil
		}
	}
	return misuse("--preset is %q: there are %s", f.preset, strings.Join(presetNames(nil), ", "))
}

// destinations are those of the configuration file, where there is one: a publisher needs none.
func (e *Env) destinations(needed bool) ([]config.Destination, string, error) {
	path, named := e.path()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !named {
		if needed {
			return nil, path, misuse("--strict judges by the destinations of a configuration file, and there is no %s: name one with --config", path)
		}
		return nil, path, nil
	}
	all, err := config.LoadDestinations(path, e.LookupEnv)
	if err != nil && !needed {
		return nil, path, nil //nolint:nilerr // the publisher reads the file for its broker; what is wrong elsewhere is check's to say
	}
	return all, path, err
}

// asked says an encoding that seems to be a file's where somebody at the terminal agrees.
func (e *Env) asked(name string, err error) (encoding string, agreed bool) {
	seems, ok := errors.AsType[*publish.EncodingError](err)
	if !ok || name == standardInput || e.json || !e.person && !isTerminal(e.Stdin) {
		return "", false
	}
	if e.confirm(fmt.Sprintf("%s seems to be %s, not UTF-8. Read it so?", name, seems.Looks), false) != nil {
		return "", false
	}
	return seems.Looks, true
}
