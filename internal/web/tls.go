package web

import (
	"context"
	"fmt"
	"log/slog" //nolint:depguard // the toolkit speaks it; its lines go to zap
	"net"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.uber.org/zap"
)

// checkConfig reads a web configuration file and the certificates that it names; "" is none.
func checkConfig(path string) error {
	if err := toolkit.Validate(path); err != nil {
		return fmt.Errorf("read http.web_config_file %s: %w; its form is that of Prometheus' exporters (tls_server_config: cert_file, key_file)", path, err)
	}
	return nil
}

// serve answers on the listener until the server is shut down: with TLS where the file says so. The file and its certificates
// are read again for new connections.
func (s *Server) serve(listener net.Listener, configFile string, log *zap.Logger) error {
	if configFile == "" {
		return s.server.Serve(listener)
	}
	return toolkit.Serve(listener, s.server, &toolkit.FlagConfig{WebConfigFile: &configFile}, slog.New(toolkitLog{log}))
}

// toolkitLog hands the toolkit's lines to our log; what it tells of a start is of no interest but while looking for a fault.
type toolkitLog struct{ log *zap.Logger }

func (t toolkitLog) Enabled(context.Context, slog.Level) bool { return true }

func (t toolkitLog) Handle(_ context.Context, r slog.Record) error {
	var fields []zap.Field
	r.Attrs(func(a slog.Attr) bool {
		fields = append(fields, zap.String(a.Key, a.Value.String()))
		return true
	})
	if r.Level >= slog.LevelWarn {
		t.log.Error(r.Message, fields...)
	} else {
		t.log.Debug(r.Message, fields...)
	}
	return nil
}

// WithAttrs and WithGroup are not used by the toolkit; the lines lack nothing else.
func (t toolkitLog) WithAttrs([]slog.Attr) slog.Handler { return t }
func (t toolkitLog) WithGroup(string) slog.Handler      { return t }
