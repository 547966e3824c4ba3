package main

import (
	"log/slog"
	"strings"
	"sync"
)

// A logbook keeps the lines that the pools log, so that the story can show them where they belong.
type logbook struct {
	mu    sync.Mutex // guards the field below
	lines []string
}

// logger writes to the book in slog's text form, without the time and without the borrower's stack, which is many lines.
func (b *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "stack" {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// Write takes one line from the logger.
func (b *logbook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, strings.TrimSpace(string(line)))
	return len(line), nil
}

// find returns the latest line in which every one of the words occurs, or "".
func (b *logbook) find(words ...string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.lines) - 1; i >= 0; i-- {
		if containsAll(b.lines[i], words) {
			return b.lines[i]
		}
	}
	return ""
}

func containsAll(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}
