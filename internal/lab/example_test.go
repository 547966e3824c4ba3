package lab_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	_ "github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab"
)

func Example() {
	ctx := context.Background()
	srv, err := lab.Start(ctx, lab.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	db, err := sql.Open("mysql", srv.DSN("app", "app"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	_, err = db.ExecContext(ctx, "CREATE TABLE t (id INT PRIMARY KEY)")
	fmt.Println("writable:", err)
	if err := srv.SetReadOnly(ctx, true); err != nil {
		log.Fatal(err)
	}
	_, err = db.ExecContext(ctx, "INSERT INTO t VALUES (1)")
	fmt.Println("read-only:", err)
	// Output:
	// writable: <nil>
	// read-only: Error 1290 (HY000): The MariaDB server is running with the --read-only option so it cannot execute this statement
}
