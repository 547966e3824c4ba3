package mysqltest_test

import (
	"database/sql"
	"fmt"
	"log"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/mysqltest"
)

func ExampleServer() {
	server := mysqltest.NewServer(mysqltest.Config{})
	defer server.Close()

	config := mysql.NewConfig()
	config.DialFunc = server.Dial
	connector, err := mysql.NewConnector(config)
	if err != nil {
		log.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()

	_, err = db.Exec("INSERT INTO orders VALUES (1)")
	fmt.Println(err)
	server.SetReadOnly(true)
	_, err = db.Exec("INSERT INTO orders VALUES (2)")
	fmt.Println(err)
	fmt.Println(server.Stats().WritesAccepted, server.Stats().WritesRefused)
	// Output:
	// <nil>
	// Error 1290 (HY000): The MySQL server is running with the --read-only option so it cannot execute this statement
	// 1 1
}
