package parser_test

const (
	twoReadings = "a newer server than some runs what an older one takes for a comment, and MariaDB what MySQL does: sqltext reads neither"
	hint        = "what the hint sets does not go back, or makes IS NULL ask for LAST_INSERT_ID(): TiDB has no eye for it"
	dollars     = "a name to MariaDB, and the beginning of a string to MySQL: sqltext reads neither"
	malformed   = "servers differ, or end the text elsewhere than TiDB does: sqltext does not read on"
)

// exceptions are the texts on which the two differ and sqltext is right, or more careful than it need be, with the reason.
var exceptions = map[string]string{
	"SELECT 1 /*!99999 , @x */":                                              twoReadings,
	"SELECT 1 /*!50700 , 2 */":                                               twoReadings,
	"SELECT 1 /*!80000 , 2 */":                                               twoReadings,
	"SELECT 1 /*M! , 2 */":                                                   twoReadings,
	"SELECT 1 /*M!100100 , @x */":                                            twoReadings,
	"SELECT 1 /*M!999999 , 2 */":                                             twoReadings,
	"SELECT 1 /*!80000 + 1 */":                                               twoReadings,
	"SELECT 1 /*!90000 , @x := 1 */":                                         twoReadings,
	"SELECT 1 /*M!80000 , @x := 1 */":                                        twoReadings,
	"SELECT 1 /*!80000 , GET_LOCK('x', 0) */":                                twoReadings,
	"CREATE /*!80000 TEMPORARY */ TABLE tmp (a INT)":                         twoReadings,
	"/*!80013 SET @x = 1 */":                                                 twoReadings,
	"SET time_zone = /*!80000 @@global.time_zone, time_zone = */ '+00:00'":   twoReadings,
	"SELECT /*+ SET_VAR(sql_auto_is_null = 1) */ id FROM t WHERE id IS NULL": hint,
	"SELECT /*+ MAX_EXECUTION_TIME(9) SET_VAR(`SQL_AUTO_IS_NULL` = ON) */ id FROM t WHERE id IS NULL": hint,
	"UPDATE /*+ SET_VAR(sql_auto_is_null=1)*/ t SET a = 1 WHERE id IS NULL":                           hint,
	"SELECT /*+ SET_VAR(timestamp = 100) */ 1":                                                        hint,
	"INSERT /*+ set_var(TIMESTAMP=100) */ INTO t (a) VALUES (1)":                                      hint,
	"SELECT /*+ SET_VAR(max_join_size = 5) */ 1":                                                      hint,
	"SELECT 1 AS $a$":                   dollars,
	"SELECT $a$ ' $a$; SET @x = 1 -- '": dollars,
	"SELECT 1 /*+ ' */, @x /* ' */":     malformed,
	"SELECT 1 /*! , 2":                  malformed,
	"SELECT 1 -- \x00 @x":               malformed,
	"SELECT 1, \xa0GET_LOCK('x', 0)":    malformed,

	"EXPLAIN SELECT f(1)":         "a stored function of constants may be called to make the plan, so the text is not run twice",
	"SELECT 1;;":                  "the second statement is empty; whether it counts is the server's affair",
	"DROP DATABASE `caf\xc3\xa9`": "under another character set the same bytes are another name, which may be that of the default database",
	"BINLOG 'x'":                  "the events may hold anything, for which TiDB has no eye",
}
