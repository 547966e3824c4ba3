package mysqlpool_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// The functions below are the README's snippets: what compiles here is what it shows.

func snippetOpen(ctx context.Context) error {
	db, err := mysqlpool.Open(ctx, "app:secret@tcp(db.internal:3306)/shop?parseTime=true",
		mysqlpool.WithServiceName("payments"),
		mysqlpool.WithRole(mysqlpool.Primary),
		weir.WithMaxOpen(32))
	if err != nil {
		return err
	}
	defer db.Close()

	_, err = db.ExecContext(ctx, "UPDATE accounts SET balance = balance - ? WHERE id = ?", 5, 7)
	return err
}

func snippetWrap(ctx context.Context, db *sql.DB) error {
	pool, err := mysqlpool.Wrap(ctx, db,
		mysqlpool.WithServiceName("payments"),
		mysqlpool.WithRole(mysqlpool.Primary),
		weir.WithMaxOpen(32),
		weir.WithMinIdle(10))
	if err != nil {
		return err
	}
	defer pool.Close(ctx)

	return pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, "UPDATE accounts SET balance = balance - ? WHERE id = ?", 5, 7)
		return err
	})
}

func snippetNew(ctx context.Context) error {
	pool, err := mysqlpool.New(ctx, "app:secret@tcp(db.internal:3306)/shop",
		mysqlpool.WithServiceName("payments"),
		mysqlpool.WithSessionSetup("SET time_zone = '+00:00'"),
		weir.WithMaxOpen(32))
	if err != nil {
		return err
	}
	defer pool.Close(ctx)

	lease, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer lease.Release()
	return lease.Value().PingContext(ctx)
}

func snippetPlan() error {
	sizing, err := mysqlpool.PlanSize(mysqlpool.Plan{
		MaxConnections: 1000, Instances: 12, Rollout: 4, BackgroundJobs: 30, Reserve: 20,
	})
	if err != nil {
		return err
	}
	fmt.Print(sizing.Reasoning)
	opts := []weir.Option{weir.WithMaxOpen(sizing.MaxOpen), mysqlpool.WithInstances(16, 50)}
	_ = opts // the README leaves it to the reader
	return nil
}

func TestReadmeShowsTheSnippetsThatCompileHere(t *testing.T) {
	_, _, _ = snippetOpen, snippetWrap, snippetNew
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	snippets := regexp.MustCompile("(?s)<!-- snippet: (\\w+) -->\n```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(snippets) != 4 {
		t.Fatalf("README has %d snippets, want 4", len(snippets))
	}
	for _, s := range snippets {
		indented := regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(s[2], "\t$1")
		if !strings.Contains(string(source), indented) {
			t.Errorf("README's snippet %q is not what compiles here:\n%s", s[1], s[2])
		}
	}
}

func ExamplePlanSize() {
	if err := snippetPlan(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// max_connections of the server: 1000
	// 1000 - 20 reserved - 30 for background jobs = 950 connections for the service
	// 950 / (12 instances + 4 during a deployment) = 59 for each pool, 6 left over
	// 59 - 4 for KILL QUERY = MaxOpen 55
}
