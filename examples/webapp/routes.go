package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weirpool/weir/mysqlpool"
)

// A handler answers requests. Each passes its request's context on: when the client is gone its statement is ended on the
// database's server, too.
type handler struct {
	log      *slog.Logger
	db       *database
	accounts accounts
}

func newHandler(log *slog.Logger, db *database) http.Handler {
	h := &handler{log: log, db: db, accounts: accounts{db.orm}}
	registry := prometheus.NewRegistry()
	registry.MustRegister(db.metrics)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /accounts", h.createAccount)
	mux.HandleFunc("GET /accounts", h.listAccounts)
	mux.HandleFunc("POST /transfers", h.transfer)
	mux.HandleFunc("GET /healthz", h.health)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return logged(log, inTime(mux))
}

func (h *handler) createAccount(w http.ResponseWriter, r *http.Request) {
	wanted, err := read[account](w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	created, err := h.accounts.create(r.Context(), wanted.Owner, wanted.Balance)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusCreated, created)
}

func (h *handler) listAccounts(w http.ResponseWriter, r *http.Request) {
	all, err := h.accounts.list(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, all)
}

func (h *handler) transfer(w http.ResponseWriter, r *http.Request) {
	wanted, err := read[transfer](w, r)
	if err == nil {
		err = h.accounts.move(r.Context(), wanted)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// health says whether a request that needs the database would be served.
func (h *handler) health(w http.ResponseWriter, r *http.Request) {
	if err := h.db.pool.PingContext(r.Context()); err != nil {
		h.fail(w, r, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

func read[T any](w http.ResponseWriter, r *http.Request) (T, error) {
	var v T
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	body.DisallowUnknownFields()
	if err := body.Decode(&v); err != nil {
		return v, fmt.Errorf("%w: %v", errInvalid, err)
	}
	return v, nil
}

func (h *handler) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		h.log.Warn("answer not sent", "err", err)
	}
}

// retryAfter is told to clients whose request may be sent again: by then MaxWait is over for those who wait now.
const retryAfter = "1"

// fail tells the client what it can do something about, and the log the rest.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	text := err.Error()
	if status >= http.StatusInternalServerError {
		h.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		text = http.StatusText(status)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	h.answer(w, status, map[string]string{"error": text})
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, errInvalid):
		return http.StatusBadRequest
	case errors.Is(err, errNoAccount):
		return http.StatusNotFound
	case errors.Is(err, errOwnerTaken), errors.Is(err, errTooPoor):
		return http.StatusConflict
	}
	switch mysqlpool.Classify(err) {
	case mysqlpool.NotSent, mysqlpool.RolledBack, mysqlpool.ServerDemoted, mysqlpool.ServerFull:
		return http.StatusServiceUnavailable // certainly not done, since each request is one transaction: it is safe to send it again
	case mysqlpool.Unknown, mysqlpool.GoingAway:
		return http.StatusBadGateway // done or not: the client must look before it sends it again
	case mysqlpool.Canceled:
		return http.StatusGatewayTimeout // the same
	}
	return http.StatusInternalServerError
}

// inTime gives each request a deadline. Without one a request would wait for a frozen server for as long as its client does.
func inTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTime)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// logged writes a line for each request.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		seen := &witness{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		log.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", seen.status, "took", time.Since(begun))
	})
}

// A witness remembers the status.
type witness struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *witness) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
