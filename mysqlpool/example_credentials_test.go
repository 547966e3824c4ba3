package mysqlpool_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirpool/weir/mysqlpool"
)

// A secret that is mounted as a file, and rewritten when it is rotated, is read at each dial.
func ExampleWithCredentials() {
	dir, err := os.MkdirTemp("", "secrets")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	secret := filepath.Join(dir, "shop-db")
	if err := os.WriteFile(secret, []byte("today's password\n"), 0o600); err != nil {
		log.Fatal(err)
	}

	db, done := openSessions(mysqlpool.WithCredentials(func(context.Context) (user, password string, err error) {
		text, err := os.ReadFile(secret)
		return "shop", strings.TrimSpace(string(text)), err
	}))
	defer done()

	var user string
	if err := db.QueryRow("SELECT CURRENT_USER()").Scan(&user); err != nil {
		log.Fatal(err)
	}
	fmt.Println(user)
	// Output:
	// shop@localhost
}
