package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"rollcall/internal/publish"
)

// input is the rows of the files that a command was given.
type input struct {
	env     *Env
	files   []string
	options publish.ReadOptions
	report  *publisherReport
	judge   *judge
	differ  *publish.Differences
	rejects *rejects // nil where they are not kept
}

func (e *Env) input(ctx context.Context, f *inputFlags, files []string, run func(context.Context, sink, *input) (publish.Summary, error)) (err error) {
	in, err := e.newInput(f, files)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := in.close(); err == nil {
			err = closeErr
		}
	}()
	if f.preview > 0 {
		return in.preview(f)
	}
	if err := in.measure(); err != nil {
		return err
	}
	err = f.publication(ctx, e, in.report, func(ctx context.Context, s sink) (publish.Summary, error) {
		sum, err := run(ctx, s, in)
		if err == nil {
			err = in.tellDifferences()
		}
		return sum, err
	})
	switch {
	case errors.Is(err, publish.ErrInput):
		return &ExitError{Status: Misuse, Err: err}
	case errors.Is(err, errStrict):
		return &ExitError{Status: No, Err: err}
	case err == nil && f.strict && len(in.report.warnings) > 0:
		return no()
	}
	return err
}

func (e *Env) newInput(f *inputFlags, files []string) (*input, error) {
	options, err := f.options()
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		files = []string{standardInput}
	}
	in := &input{env: e, files: files, options: options, report: newPublisherReport(e, newPublisherProgress(e, 0)), differ: publish.NewDifferences()}
	in.judge = &judge{env: e, report: in.report, segment: f.segment, strict: f.strict, known: map[string]bool{}}
	if in.judge.destinations, in.judge.path, err = e.destinations(f.strict); err != nil {
		return nil, err
	}
	if f.rejects != "" && f.preview == 0 {
		if in.rejects, err = openRejects(f.rejects); err != nil {
			return nil, err
		}
	}
	return in, nil
}

func (in *input) close() error {
	err := in.differ.Close()
	if in.rejects != nil {
		err = errors.Join(err, in.rejects.close())
	}
	return err
}

// measure adds up how much there is to read, where that can be known, before anything is published.
func (in *input) measure() error {
	total := int64(0)
	for _, name := range in.files {
		size, err := in.size(name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if size < 0 {
			return nil
		}
		total += size
	}
	in.report.progress.total.Store(total)
	return nil
}

// size is a file's, -1 where it has none.
func (in *input) size(name string) (int64, error) {
	var info os.FileInfo
	var err error
	if name != standardInput {
		info, err = os.Stat(name)
	} else if file, ok := in.env.Stdin.(*os.File); ok {
		info, err = file.Stat()
	}
	switch {
	case err != nil:
		return 0, err
	case info != nil && info.IsDir():
		return 0, errors.New("it is a directory")
	case info == nil || !info.Mode().IsRegular():
		return -1, nil
	}
	return info.Size(), nil
}

// each gives every readable row to take, and reports the others and those that take refuses.
func (in *input) each(take func(publish.Item) error) error {
	for number, name := range in.files {
		err := in.file(number, take)
		if encoding, agreed := in.env.asked(name, err); agreed {
			kept := in.options.Encoding
			in.options.Encoding = encoding
			err = in.file(number, take)
			in.options.Encoding = kept
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// open gives a file, or standard input, and its name in messages.
func (in *input) open(name string) (io.ReadCloser, string, error) {
	if name != standardInput {
		file, err := os.Open(name)
		if err != nil {
			return nil, name, fmt.Errorf("read %s: %w", name, err)
		}
		return file, name, nil
	}
	if isTerminal(in.env.Stdin) {
		in.env.tell("info", "reading rows from the terminal; end with Ctrl-D", nil)
	}
	return io.NopCloser(in.env.Stdin), "standard input", nil
}

func (in *input) file(number int, take func(publish.Item) error) error {
	from, shown, err := in.open(in.files[number])
	if err != nil {
		return err
	}
	defer from.Close()
	options := in.options
	options.Name = in.files[number]
	var ours error // not the file's fault
	options.Header = func(h publish.Header) error {
		ours = in.judge.header(shown, h)
		return ours
	}
	rows := in.report.rows
	err = publish.Read(counted{from, &in.report.progress.read}, options, func(item publish.Item) error {
		in.report.rows++
		in.report.progress.rows.Add(1)
		err := in.judged(number, &item, take)
		if refused, ok := errors.AsType[*publish.RowError](err); ok {
			in.report.refuse(shown, item.Line, refused)
			if in.rejects == nil {
				return nil
			}
			err = in.rejects.keep(shown, &item, refused)
		}
		ours = err
		return err
	})
	if err != nil && ours == nil {
		return fmt.Errorf("%s: %w", shown, err)
	}
	if err == nil && in.report.rows == rows {
		in.judge.warn(shown + " holds no row")
	}
	return err
}

// judged takes one item, where nothing speaks against it.
func (in *input) judged(number int, item *publish.Item, take func(publish.Item) error) error {
	if item.Err != nil {
		return item.Err
	}
	if err := in.judge.row(item); err != nil {
		return err
	}
	if err := take(*item); err != nil || item.Event {
		return err
	}
	return in.differ.Add(item.Row, publish.Place{File: number, Line: item.Line})
}

// maxDifferences is how many differing rows are told one by one.
const maxDifferences = 20

// tellDifferences tells of rows of one profile that do not say the same: the last one counts, which may not be what was meant.
func (in *input) tellDifferences() error {
	told := 0
	profiles, err := in.differ.Find(func(d publish.Difference) {
		if told++; told > maxDifferences {
			return
		}
		other := fmt.Sprint("line ", d.Other.Line)
		if d.Other.File != d.First.File {
			other = fmt.Sprintf("%s:%d", in.files[d.Other.File], d.Other.Line)
		}
		in.judge.warn(fmt.Sprintf("%s:%d and %s are rows of one profile, and differ: the last one counts", in.files[d.First.File], d.First.Line, other))
	})
	if profiles > maxDifferences {
		in.judge.warn(fmt.Sprintf("and %s profiles more have rows that differ", count(profiles-maxDifferences)))
	}
	in.report.differing = profiles
	return err
}
