// Package sqltext reads the text of one SQL statement of MySQL or MariaDB and tells what a connection pool must know of it: may
// the statement run on any connection, does it leave something behind, does it ask for what an earlier statement left, and which
// session variables does it set.
//
// [Classify] makes one pass over the text with a lexer, but for the names of sequences, which it reads ahead; it builds no tree and knows no grammar beyond the first words, except for
// SET. It never panics, its time is linear in the length of the text, and it allocates only for the Changes of a SET and for
// names that need unquoting. Its one rule: whatever is not certainly harmless pins.
//
// [Mask] makes of a text what people may see of it: the same without literals and comments.
//
// It does not say whether a transaction is open, because a text can't tell; the server's status flags do.
//
// # What a text can hide
//
// A stored function or a trigger can set a user variable or take a named lock, and no text shows it. A text that calls a
// function which is not known to be harmless is therefore never a [Read], but it is not a pin either.
//
// # Two readings of one text
//
// How a text is cut into words depends on sql_mode ([Modes]) and on the character set of the client. Texts are read as UTF-8 or
// any other character set whose characters contain no ASCII bytes; a statement that sets another one pins with [UnsafeCharset].
// Words that are not valid UTF-8 pin too.
//
// An executable comment is code on one server and a comment on another. One without a version, or with a version up to 5.6, is
// code on every server of today and is read as code. Any other makes the text pin: the two readings may differ in everything
// that follows. So do $$...$$ and $tag$...$tag$, which MySQL quotes with and MariaDB takes for names, and a hint that sets
// a variable which MySQL does not put back as it was (timestamp, max_join_size), or sql_auto_is_null.
//
// Which functions are a server's own depends on whose server it is ([MySQL]): by the name of one that only the other family has
// there may be a stored function.
package sqltext
