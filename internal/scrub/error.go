package scrub

// scrubbed is an error whose text names nobody. Its cause is reached by errors.Is and errors.As as before.
type scrubbed struct {
	text  string
	cause error
}

func (s *scrubbed) Error() string { return s.text }
func (s *scrubbed) Unwrap() error { return s.cause }

// Error gives an error with the text scrubbed as Text does, or err itself where there is nothing to cut; nil stays nil.
func Error(err error, values ...string) error {
	if err == nil {
		return nil
	}
	if text := Text(err.Error(), values...); text != err.Error() {
		return &scrubbed{text, err}
	}
	return err
}
