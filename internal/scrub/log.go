package scrub

import (
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Logger gives a logger that scrubs all that it writes: messages, and fields of any kind. A logger that does already is
// returned as it is; nil gives one that writes nothing.
func Logger(log *zap.Logger) *zap.Logger {
	if log == nil {
		return zap.NewNop()
	}
	if _, done := log.Core().(core); done {
		return log
	}
	return log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core { return core{c} }))
}

type core struct{ zapcore.Core }

// With scrubs the fields that every line of the new core has.
func (c core) With(fields []zap.Field) zapcore.Core { return core{c.Core.With(scrubFields(fields))} }

// Check lets the line through to Write of this core, not of the one beneath.
func (c core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write scrubs one line and hands it on.
func (c core) Write(entry zapcore.Entry, fields []zap.Field) error {
	entry.Message = Text(entry.Message)
	return c.Core.Write(entry, scrubFields(fields))
}

func scrubFields(fields []zap.Field) []zap.Field {
	out := make([]zap.Field, 0, len(fields))
	for _, f := range fields {
		out = append(out, scrubField(f))
	}
	return out
}

// scrubField takes text out of every kind of field that can hold any. An error is written by its text alone: the verbose
// form that zap adds would be another way out.
func scrubField(f zap.Field) zap.Field {
	switch f.Type {
	case zapcore.StringType:
		f.String = Text(f.String)
		return f
	case zapcore.ErrorType:
		if err, ok := f.Interface.(error); ok && err != nil {
			return zap.String(f.Key, Text(err.Error()))
		}
		return f
	case zapcore.BinaryType, zapcore.ByteStringType, zapcore.ArrayMarshalerType, zapcore.ObjectMarshalerType,
		zapcore.InlineMarshalerType, zapcore.ReflectType, zapcore.StringerType:
		plain := zapcore.NewMapObjectEncoder()
		f.AddTo(plain)
		if len(plain.Fields) == 1 && plain.Fields[f.Key] != nil {
			return zap.Any(f.Key, scrubAny(plain.Fields[f.Key]))
		}
		return zap.Any(f.Key, scrubAny(plain.Fields))
	default: // numbers, booleans, times and durations
		return f
	}
}

func scrubAny(value any) any {
	switch v := value.(type) {
	case string:
		return Text(v)
	case []byte:
		return Text(string(v))
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64, nil:
		return v
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = scrubAny(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, one := range v {
			out[Text(key)] = scrubAny(one)
		}
		return out
	}
	return Text(fmt.Sprint(value))
}
