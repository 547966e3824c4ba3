package lab

import (
	"os"
	"path/filepath"
	"strings"
)

// logTail is how many lines of the error log an error shows.
const logTail = 20

// Log returns what the server has written to its error log since the first
// start. It is gone after [Server.Close].
func (s *Server) Log() (string, error) {
	data, err := os.ReadFile(s.logPath())
	return string(data), err
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "error.log") }

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
