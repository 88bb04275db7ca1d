package broker

import "go.uber.org/zap"

// Say writes a line as the embedded server does.
func Say(log *zap.Logger, text string) { newServerLog(log).Warnf("%s", text) }
