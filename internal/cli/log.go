package cli

import (
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"rollcall/internal/config"
	"rollcall/internal/scrub"
)

// newLog names nobody (I12), and writes to standard error: text for people on a terminal, else one JSON object a line.
func newLog(options config.Log, to io.Writer) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(options.Level)
	if err != nil {
		return nil, fmt.Errorf("read log.level: %w", err)
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	encoding.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(encoding)
	if forPeople(options, to) {
		encoding.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		encoding.EncodeLevel = zapcore.CapitalLevelEncoder
		if isTerminal(to) && colourful() {
			encoding.EncodeLevel = zapcore.CapitalColorLevelEncoder
		}
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	return scrub.Logger(zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(to)), level))), nil
}

// forPeople reports whether the log is text, and not JSON.
func forPeople(options config.Log, to io.Writer) bool {
	return options.Format == "text" || options.Format == "auto" && isTerminal(to)
}

// isTerminal reports whether a stream is read by a person as it is written.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// colourful follows https://no-color.org.
func colourful() bool { return os.Getenv("NO_COLOR") == "" }
