package sqltext

import "strings"

// safeCharset reports whether texts can be read without knowing that the client's character set is this one, or that of this
// collation: no character but those of ASCII contains a byte of ASCII that delimits something. It takes lower case.
//
// big5, cp932, gb18030, gbk and sjis have characters that end with a backslash; go-sql-driver counts gb2312 to these too. swe7 has
// letters in place of the backslash and the backquote. Those of the Macintosh and others have blanks among their letters. In
// ucs2, utf16 and utf32 nothing is ASCII: results in them can't be read by drivers either.
func safeCharset(name string) bool {
	name, _, _ = strings.Cut(name, "_")
	switch name {
	case "utf8mb4", "utf8mb3", "utf8", "ascii", "binary", "latin1", "latin2", "latin5", "latin7", "cp1250", "cp1251", "cp1256",
		"cp1257", "cp850", "cp852", "cp866", "koi8r", "koi8u", "greek", "hebrew", "tis620", "ujis", "eucjpms", "euckr":
		return true
	}
	return false
}
