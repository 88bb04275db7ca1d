package broker

import (
	"fmt"
	"sync/atomic"

	"go.uber.org/zap"

	"rollcall/internal/scrub"
)

// serverLog hands the embedded server's lines to zap. Its notices are debug lines of ours: what a broker
// tells at a start is of no interest where it is a detail of the process.
type serverLog struct {
	log    *zap.Logger
	reason atomic.Pointer[string]
}

func newServerLog(log *zap.Logger) *serverLog {
	return &serverLog{log: scrub.Logger(log).Named("broker").WithOptions(zap.AddCallerSkip(1))}
}

// fatal returns why the server gave up, or nothing. The server calls Fatalf instead of returning an error.
func (l *serverLog) fatal() string {
	if reason := l.reason.Load(); reason != nil {
		return *reason
	}
	return ""
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l *serverLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  {}
func (l *serverLog) Tracef(format string, v ...any)  {}

func (l *serverLog) Fatalf(format string, v ...any) {
	reason := scrub.Text(fmt.Sprintf(format, v...))
	l.reason.Store(&reason)
	l.log.Error(reason)
}
