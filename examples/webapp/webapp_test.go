package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/examples/internal/embedded"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// A service is a webapp that runs.
type service struct {
	url  string
	stop func() error // what a signal does; returns what run did
}

// start runs the service on that database, or on one of its own.
func start(t *testing.T, dsn string) *service {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var written bytes.Buffer
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, slog.New(slog.NewJSONHandler(&written, nil)), dsn, listener) }()
	s := &service{url: "http://" + listener.Addr().String(), stop: sync.OnceValue(func() error {
		cancel()
		return <-ended
	})}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			t.Log(written.String())
		}
	})
	return s
}

// startOn has the service use a server that the test can look at.
func startOn(t *testing.T) (*service, *embedded.Server) {
	t.Helper()
	db, err := startEmbedded(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Stop)
	return start(t, db.DSN()), db
}

func startMariaDB(t *testing.T) (dsn string) {
	t.Helper()
	return startLab(t).DSN("app", "app")
}

func startLab(t *testing.T) *lab.Server {
	t.Helper()
	db, err := lab.Start(t.Context(), lab.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// ask sends a request and returns the status and the body of the answer.
func (s *service) ask(ctx context.Context, method, path, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

func (s *service) want(t *testing.T, status int, method, path, body string) string {
	t.Helper()
	got, text, err := s.ask(t.Context(), method, path, body)
	if got != status || err != nil {
		t.Fatalf("%s %s %s: got status %d, want %d: %s (%v)", method, path, body, got, status, text, err)
	}
	return text
}

func (s *service) accounts(t *testing.T) []account {
	t.Helper()
	var all []account
	if err := json.Unmarshal([]byte(s.want(t, 200, "GET", "/accounts", "")), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestMoneyMovesFromOneAccountToAnother(t *testing.T) {
	s := start(t, "")
	if diff := cmp.Diff([]account{}, s.accounts(t)); diff != "" {
		t.Errorf("accounts at the start (-want +got):\n%s", diff)
	}
	created := s.want(t, 201, "POST", "/accounts", `{"owner": "ada", "balance": 100}`)
	if want := `{"id":1,"owner":"ada","balance":100}` + "\n"; created != want {
		t.Errorf("got %s, want %s", created, want)
	}
	s.want(t, 201, "POST", "/accounts", `{"owner": "bob"}`)
	s.want(t, 204, "POST", "/transfers", `{"from": 1, "to": 2, "amount": 30}`)
	want := []account{{1, "ada", 70}, {2, "bob", 30}}
	if diff := cmp.Diff(want, s.accounts(t)); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeDoneIsRefusedAndChangesNothing(t *testing.T) {
	s := start(t, "")
	s.want(t, 201, "POST", "/accounts", `{"owner": "ada", "balance": 100}`)
	s.want(t, 201, "POST", "/accounts", `{"owner": "bob"}`)
	for _, c := range []struct {
		name, path, body string
		want             int
	}{
		{"more than there is", "/transfers", `{"from": 1, "to": 2, "amount": 101}`, 409},
		{"to nobody", "/transfers", `{"from": 1, "to": 7, "amount": 1}`, 404},
		{"from nobody", "/transfers", `{"from": 7, "to": 1, "amount": 1}`, 404},
		{"to oneself", "/transfers", `{"from": 1, "to": 1, "amount": 1}`, 400},
		{"less than nothing", "/transfers", `{"from": 1, "to": 2, "amount": -1}`, 400},
		{"owner taken", "/accounts", `{"owner": "ada"}`, 409},
		{"no owner", "/accounts", `{"balance": 5}`, 400},
		{"no JSON", "/accounts", `owner=eve`, 400},
		{"unknown field", "/accounts", `{"owner": "eve", "rich": true}`, 400},
	} {
		t.Run(c.name, func(t *testing.T) { s.want(t, c.want, "POST", c.path, c.body) })
	}
	want := []account{{1, "ada", 100}, {2, "bob", 0}}
	if diff := cmp.Diff(want, s.accounts(t)); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
}

func TestTransfersSideBySideLoseNothing(t *testing.T) {
	for name, dsn := range map[string]string{"embedded": "", "MariaDB": startMariaDB(t)} {
		t.Run(name, func(t *testing.T) { transferSideBySide(t, start(t, dsn)) })
	}
}

func transferSideBySide(t *testing.T, s *service) {
	s.want(t, 201, "POST", "/accounts", `{"owner": "ada", "balance": 100}`)
	s.want(t, 201, "POST", "/accounts", `{"owner": "bob", "balance": 100}`)
	var clients sync.WaitGroup
	for i := range 8 {
		body := []string{`{"from": 1, "to": 2, "amount": 1}`, `{"from": 2, "to": 1, "amount": 2}`}[i%2]
		clients.Go(func() {
			for range 5 {
				if status, text, err := s.ask(t.Context(), "POST", "/transfers", body); status != 204 {
					t.Errorf("got status %d: %s (%v)", status, text, err)
				}
			}
		})
	}
	clients.Wait()
	want := []account{{1, "ada", 120}, {2, "bob", 80}}
	if diff := cmp.Diff(want, s.accounts(t)); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
}

func TestMetricsShowConnectionsSessionsAndStatements(t *testing.T) {
	s := start(t, "")
	for _, owner := range []string{"ada", "bob", "cid", "dee", "eve", "fay"} { // twice as often as anything is prepared
		s.want(t, 201, "POST", "/accounts", `{"owner": "`+owner+`"}`)
	}
	page := s.want(t, 200, "GET", "/metrics", "")
	const pool = `{db_client_connection_pool_name="webapp"} `
	for _, want := range []string{"db_client_connection_max" + pool + "16\n", "weir_session_pinned_max" + pool + "12\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if hits := "weir_statement_hits_total" + pool; !strings.Contains(page, hits) || strings.Contains(page, hits+"0\n") {
		t.Error("the same statement was prepared each time")
	}
	if t.Failed() {
		t.Log(page)
	}
}

func TestGORMPinsNoSession(t *testing.T) {
	s := start(t, "")
	s.want(t, 201, "POST", "/accounts", `{"owner": "ada", "balance": 100}`)
	s.want(t, 201, "POST", "/accounts", `{"owner": "bob"}`)
	s.want(t, 204, "POST", "/transfers", `{"from": 1, "to": 2, "amount": 30}`)
	reasons := 0
	for line := range strings.Lines(s.want(t, 200, "GET", "/metrics", "")) {
		if !strings.HasPrefix(line, "weir_session_pins_total{") {
			continue
		}
		reasons++
		if !strings.HasSuffix(line, " 0\n") {
			t.Error(line)
		}
	}
	if reasons != mysqlpool.PinReasons-1 {
		t.Errorf("got %d reasons, want %d", reasons, mysqlpool.PinReasons-1)
	}
}

func TestHealthTellsWhetherTheDatabaseIsThere(t *testing.T) {
	s, db := startOn(t)
	if got := s.want(t, 200, "GET", "/healthz", ""); got != "ok\n" {
		t.Errorf("got %q", got)
	}
	db.Stop()
	if got := s.want(t, 503, "GET", "/healthz", ""); strings.Contains(got, "127.0.0.1") {
		t.Errorf("the answer tells strangers too much: %s", got)
	}
}

// The service is told to end when it has begun to read a request.
func TestARequestUnderWayIsAnsweredBeforeTheServiceEnds(t *testing.T) {
	s, db := startOn(t)
	addr := strings.TrimPrefix(s.url, "http://")
	client, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	body := `{"owner": "ada"}`
	fmt.Fprintf(client, "POST /accounts HTTP/1.1\r\nHost: bank\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	answers := bufio.NewReader(client)
	if line, err := answers.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	answers.ReadString('\n') // the empty line after it

	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	err = lab.Until(t.Context(), "new requests are refused", func(context.Context) (bool, error) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err != nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(client, body)
	answer, err := http.ReadResponse(answers, nil)
	if err != nil || answer.StatusCode != 201 {
		t.Errorf("got %v, %v, want status 201", answer, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the service ended with %v", err)
	}
	err = lab.Until(t.Context(), "the database has no connection any more", func(context.Context) (bool, error) {
		return db.ConnectionCount() == 0, nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestANewStartFindsWhatWasThere(t *testing.T) {
	dsn := startMariaDB(t)
	before := start(t, dsn)
	before.want(t, 201, "POST", "/accounts", `{"owner": "ada", "balance": 100}`)
	if err := before.stop(); err != nil {
		t.Fatal(err)
	}
	want := []account{{1, "ada", 100}}
	if diff := cmp.Diff(want, start(t, dsn).accounts(t)); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
}

func TestTheStatusTellsTheClientWhatToDo(t *testing.T) {
	number := func(n uint16) error { return &mysql.MySQLError{Number: n} }
	for _, c := range []struct {
		err  error
		want int
	}{
		{errInvalid, 400},
		{errNoAccount, 404},
		{errTooPoor, 409},
		{weir.ErrExhausted, 503},
		{&mysqlpool.PinLimitError{}, 503},
		{weir.ErrClosed, 503},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, 503},
		{number(1213), 503}, // deadlock
		{number(1290), 503}, // read only
		{number(1040), 503}, // too many connections
		{number(4094), 503}, // a switchover
		{mysqlpool.ErrOutcomeUnknown, 502},
		{errors.Join(mysqlpool.ErrOutcomeUnknown, context.DeadlineExceeded), 502},
		{number(3100), 502},
		{number(1053), 502}, // shutdown
		{context.DeadlineExceeded, 504},
		{number(1146), 500}, // no such table
		{errors.New("something else"), 500},
	} {
		err := fmt.Errorf("wrapped: %w", c.err)
		if got := statusOf(err); got != c.want {
			t.Errorf("%v: got %d, want %d", err, got, c.want)
		}
		answer := httptest.NewRecorder()
		h := &handler{log: slog.New(slog.DiscardHandler)}
		h.fail(answer, httptest.NewRequest("GET", "/", nil), err)
		if got := answer.Result().Header.Get("Retry-After"); (got == retryAfter) != (c.want == 503) {
			t.Errorf("%v: status %d, Retry-After %q", err, c.want, got)
		}
	}
}

func TestEachRequestHasADeadline(t *testing.T) {
	begun := time.Now()
	var end time.Time
	h := inTime(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { end, _ = r.Context().Deadline() }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/accounts", nil))
	if end.Before(begun.Add(requestTime)) || end.After(time.Now().Add(requestTime)) {
		t.Errorf("the request ends %v after its beginning, want %v", end.Sub(begun), requestTime)
	}
}

func TestHelpShowsTheServicesOwnFlags(t *testing.T) {
	var out bytes.Buffer
	if _, err := readOptions([]string{"--help"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error %v, want %v", err, flag.ErrHelp)
	}
	got := regexp.MustCompile(`(?m)^  -(\w+)`).FindAllStringSubmatch(out.String(), -1)
	if len(got) != 2 || got[0][1] != "addr" || got[1][1] != "dsn" {
		t.Errorf("it shows other flags than addr and dsn:\n%s", &out)
	}
	o, err := readOptions([]string{"-addr", ":1"}, io.Discard)
	if want := (options{addr: ":1"}); o != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", o, err, want)
	}
	if _, err := readOptions([]string{"serve"}, io.Discard); err == nil {
		t.Error("an argument that means nothing was taken")
	}
}

// While the primary is read-only nothing is written, clients are told to come again, and then they are served.
func TestADemotedPrimaryIsWaitedFor(t *testing.T) {
	db := startLab(t)
	s := start(t, db.DSN("app", "app"))
	s.want(t, 200, "GET", "/healthz", "") // it has begun
	if err := db.SetReadOnly(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	s.want(t, 503, "POST", "/accounts", `{"owner": "ada"}`)
	if err := db.SetReadOnly(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	err := lab.Until(t.Context(), "the service writes again", func(ctx context.Context) (bool, error) {
		status, text, err := s.ask(ctx, "POST", "/accounts", `{"owner": "ada"}`)
		if status != 201 && status != 503 {
			t.Errorf("got status %d, want 503 or 201: %s", status, text)
		}
		return status == 201, err
	})
	if err != nil {
		t.Error(err)
	}
}

// Docker kills a service 10 s after it has told it to end.
func TestTheServiceEndsInTimeThoughTheDatabaseIsFrozen(t *testing.T) {
	db := startLab(t)
	s := start(t, db.DSN("app", "app"))
	s.want(t, 201, "POST", "/accounts", `{"owner": "ada", "balance": 10}`)
	s.want(t, 201, "POST", "/accounts", `{"owner": "bob"}`)
	if err := db.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer db.Continue()
	var clients sync.WaitGroup
	defer clients.Wait()
	sent := make(chan struct{}, 20)
	for i := range cap(sent) {
		clients.Go(func() {
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent <- struct{}{} }})
			var status int
			if i%2 == 0 {
				status, _, _ = s.ask(ctx, "GET", "/accounts", "")
			} else {
				status, _, _ = s.ask(ctx, "POST", "/transfers", `{"from": 1, "to": 2, "amount": 1}`)
			}
			if status != 0 && status < 500 {
				t.Errorf("got status %d of a database that does not answer", status)
			}
		})
	}
	for range cap(sent) {
		<-sent
	}
	begun := time.Now()
	err := s.stop()
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v to end, want 10s at most", took)
	} else {
		t.Logf("it took %v to end: %v", took, err)
	}
}

func TestAServerThatIsNotThereIsAnErrorAtTheStart(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	err = run(t.Context(), slog.New(slog.DiscardHandler), "u:secret@tcp(127.0.0.1:1)/d", listener)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got error %v, want one without the password", err)
	}
}
