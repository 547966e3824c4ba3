package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// An orchestrator sends SIGKILL some time after SIGTERM, after 10 s at the earliest (Docker). All of the end has to fit into that: first
// requests that are under way get drainTime, which is longer than any of them may take, then the database gets closeTime.
const (
	requestTime = 3 * time.Second
	drainTime   = 5 * time.Second
	closeTime   = 2 * time.Second
)

// serve answers requests until ctx ends, and those that have come by then.
func serve(ctx context.Context, log *slog.Logger, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Info("listening", "url", "http://"+listener.Addr().String())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info("ending")
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := server.Shutdown(limit)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	<-failed // it has ended
	return err
}
