package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"go.uber.org/zap"

	"rollcall/internal/scrub"
)

// Server is one listener with its handler.
type Server struct {
	server   *http.Server
	listener net.Listener
	served   chan error
}

// Listen opens the address and serves on it until Stop. Options.Loopback is found out from the address.
func Listen(ctx context.Context, address string, options Options) (*Server, error) {
	if err := checkConfig(options.ConfigFile); err != nil {
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for http on %s: %w; free the port, or set http.listen", address, err)
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok {
		options.Loopback = tcp.IP.IsLoopback()
	}
	options.Log = scrub.Logger(options.Log)
	if options.Token != nil {
		if _, err := (guard{token: options.Token}).tokens(); err != nil {
			options.Log.Error("http.token_file can't be used; nobody is let in until it is put right", zap.Error(err))
		}
	}
	s := &Server{listener: listener, served: make(chan error, 1), server: &http.Server{
		Handler:           Handler(options),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          zap.NewStdLog(options.Log),
	}}
	go func() { s.served <- s.serve(listener, options.ConfigFile, options.Log) }()
	return s, nil
}

// Addr is where it listens, with the port that was chosen.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Stop lets requests under way end until ctx does, then cuts them off.
func (s *Server) Stop(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.server.Close())
	}
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("stop serving http: %w", err)
	}
	return nil
}
