// Package corpus holds statements of MySQL and MariaDB with what the classifier must say of them. Oracles run them on real
// servers and give them to other parsers.
package corpus

import (
	"slices"

	"github.com/weirpool/weir/internal/sqltext"
)

// An Entry is one text and its class.
type Entry struct {
	Text   string
	Modes  sqltext.Modes // under which the text is meant to be read; with MySQL if MySQLOnly
	Kind   sqltext.Kind
	Pin    sqltext.Pin
	Sticky sqltext.Sticky
	// Class says in a word or two what the entry is an example of.
	Class string
	// MySQLOnly and MariaDBOnly: the other server does not know the statement, or reads it differently.
	MySQLOnly, MariaDBOnly bool
	// Needs are statements to be run before, in the same session.
	Needs []string
	// Refused: no server runs it, or only with a special set-up (replication, plugins, files). Its class still holds.
	Refused bool
	// Harmful: it stops the server, the connection or another's work. Not to be run.
	Harmful bool
}

// Schema makes what the statements need, when run in order by one who may do everything. The statements expect the database
// corpus as the default database.
var Schema = []string{
	"CREATE DATABASE corpus DEFAULT CHARACTER SET utf8mb4",
	"CREATE DATABASE other DEFAULT CHARACTER SET utf8mb4",
	"CREATE DATABASE `we``ird` DEFAULT CHARACTER SET utf8mb4",
	"CREATE TABLE corpus.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b VARCHAR(100), c DECIMAL(10,2), d DATETIME)",
	"INSERT INTO corpus.t (a, b, c, d) VALUES (1, 'one', 1.5, '2020-01-01'), (2, 'two', 2.5, '2021-01-01'), (3, 'three', NULL, NULL)",
	"CREATE TABLE corpus.users (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(100), email VARCHAR(100) UNIQUE, deleted_at DATETIME)",
	"INSERT INTO corpus.users (name, email) VALUES ('ann', 'ann@example.com'), ('bob', 'bob@example.com')",
	"CREATE TABLE corpus.orders (id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, total DECIMAL(10,2), status VARCHAR(20), created DATETIME, KEY (user_id))",
	"INSERT INTO corpus.orders (user_id, total, status) VALUES (1, 10, 'new'), (1, 20, 'paid'), (2, 5, 'new')",
	"CREATE TABLE corpus.items (id INT PRIMARY KEY AUTO_INCREMENT, order_id INT, product_id INT, n INT, doc LONGTEXT, KEY (order_id))",
	"INSERT INTO corpus.items (order_id, product_id, n, doc) VALUES (1, 1, 2, '{\"a\": 1}'), (2, 2, 1, '[1, 2]')",
	"CREATE TABLE corpus.products (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(100), price DECIMAL(10,2), FULLTEXT (name))",
	"INSERT INTO corpus.products (name, price) VALUES ('chair', 10), ('table', 30)",
	"CREATE TABLE corpus.counter (id INT PRIMARY KEY, n INT)",
	"INSERT INTO corpus.counter VALUES (1, 0)",
	"CREATE TABLE corpus.`select` (`from` INT, `@at` INT, `a``b` INT)",
	"CREATE TABLE corpus.plain (a INT, b INT) ENGINE = MyISAM",
	"CREATE TABLE other.t (id INT PRIMARY KEY AUTO_INCREMENT, a INT)",
	"CREATE VIEW corpus.v AS SELECT id, a FROM corpus.t",
	"CREATE PROCEDURE corpus.p() SELECT 1",
	"CREATE PROCEDURE corpus.p_set() SET @from_p = 1",
	"CREATE FUNCTION corpus.f(n INT) RETURNS INT DETERMINISTIC RETURN n + 1",
	"CREATE FUNCTION corpus.f_set(n INT) RETURNS INT NO SQL BEGIN SET @from_f = n; RETURN n; END",
	"CREATE TRIGGER corpus.tr BEFORE INSERT ON corpus.counter FOR EACH ROW SET NEW.n = 0",
}

// SchemaMariaDB is to be run behind Schema on MariaDB.
var SchemaMariaDB = []string{
	"CREATE SEQUENCE corpus.s START WITH 1",
}

// SchemaMySQL is to be run behind Schema on MySQL.
var SchemaMySQL = []string{
	"CREATE TABLE corpus.hidden (id INT PRIMARY KEY AUTO_INCREMENT, a INT, secret INT INVISIBLE, KEY (a) INVISIBLE)",
}

// Statements are all entries.
var Statements = slices.Concat(reads, oddReads, shares, definitions, administration, programs, transactions, sets, uses, sticky,
	pinned, pinnedSets, comments, quoting, mysqlReads, mysqlShares, mysqlPins)

// list is a group of entries that are written down together.
type list []Entry

func of(class string, kind sqltext.Kind, pin sqltext.Pin, texts []string) list {
	out := make(list, len(texts))
	for i, text := range texts {
		out[i] = Entry{Text: text, Kind: kind, Pin: pin, Class: class}
	}
	return out
}

func kind(k sqltext.Kind, class string, texts ...string) list {
	return of(class, k, sqltext.NoPin, texts)
}

func pin(p sqltext.Pin, class string, texts ...string) list { return of(class, sqltext.Pins, p, texts) }

// each returns the list with every entry changed.
func (l list) each(change func(e *Entry)) list {
	for i := range l {
		change(&l[i])
	}
	return l
}

func (l list) mysql() list {
	return l.each(func(e *Entry) { e.MySQLOnly, e.Modes = true, e.Modes|sqltext.MySQL })
}

func (l list) mariadb() list { return l.each(func(e *Entry) { e.MariaDBOnly = true }) }
func (l list) refused() list { return l.each(func(e *Entry) { e.Refused = true }) }
func (l list) harmful() list { return l.each(func(e *Entry) { e.Harmful = true }) }

func (l list) needs(texts ...string) list { return l.each(func(e *Entry) { e.Needs = texts }) }

func (l list) modes(m sqltext.Modes) list { return l.each(func(e *Entry) { e.Modes |= m }) }

func (l list) asks(s sqltext.Sticky) list { return l.each(func(e *Entry) { e.Sticky = s }) }
