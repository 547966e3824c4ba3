// Package tracker listens to a MySQL connection and tells what each command
// changed in its session, in the server's own words.
//
// A [Tap] goes under go-sql-driver/mysql as its dial function. It asks the server
// for session tracking, which the driver does not, and reads what the server
// then appends to its OK packets. The driver skips those bytes.
//
//	tap := &tracker.Tap{}
//	cfg.DialFunc = tap.Dial
//	...
//	commands, err := tap.Take()
//
// A server reports only what its session_track_ variables ask for; [Params]
// asks for all. What a server never reports, whatever it is asked for, are user
// variables set inside a SELECT, GET_LOCK, FLUSH TABLES WITH READ LOCK, HANDLER,
// SQL_CALC_FOUND_ROWS and the values of sequences. An error packet carries no report either.
//
// A tap reads plain connections to servers that end results with OK packets:
// neither TLS nor compression. On any other it lets the bytes pass and
// [Tap.Take] returns an error.
package tracker

// Params returns the session variables that make a MariaDB server report
// everything it can, in the form of go-sql-driver's Config.Params.
func Params() map[string]string {
	return map[string]string{
		"session_track_system_variables": "'*'",
		"session_track_schema":           "1",
		"session_track_state_change":     "1",
		"session_track_transaction_info": "'CHARACTERISTICS'",
	}
}

// ParamsMySQL is the same for a MySQL server.
func ParamsMySQL() map[string]string {
	params := Params()
	params["session_track_gtids"] = "OWN_GTID"
	return params
}
