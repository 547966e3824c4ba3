package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// width keeps every line short enough for a narrow terminal.
const width = 96

// A screen is where the story is read. One goroutine writes to it.
type screen struct {
	out      io.Writer
	terminal bool // lines can be rewritten in place
	colour   bool
	live     bool // the line being written is one that will be rewritten
}

func newScreen(f *os.File) *screen {
	info, err := f.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	return &screen{out: f, terminal: terminal, colour: terminal && os.Getenv("NO_COLOR") == ""}
}

const (
	bold  = "1"
	red   = "1;31"
	green = "32"
	grey  = "2"
)

func (s *screen) paint(style, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

func (s *screen) line(text string) {
	s.settle()
	fmt.Fprintln(s.out, text)
}

// heading begins a chapter.
func (s *screen) heading(text string) {
	s.line("")
	s.line(s.paint(bold, text))
}

// say tells in the story's own words.
func (s *screen) say(format string, args ...any) {
	for _, l := range wrap(fmt.Sprintf(format, args...), width-3) {
		s.line("   " + l)
	}
}

// quote shows what the pool or a server said, to the letter.
func (s *screen) quote(text string) {
	for _, l := range wrap(text, width-7) {
		s.line("     " + s.paint(grey, "| "+l))
	}
}

// rewrite shows text in place of the live line before it; where that cannot be done it is one more line.
func (s *screen) rewrite(text string) {
	if !s.terminal {
		s.line("     " + text)
		return
	}
	fmt.Fprint(s.out, "\r\x1b[K     "+text)
	s.live = true
}

// settle ends a live line: it stays as it is.
func (s *screen) settle() {
	if s.live {
		fmt.Fprintln(s.out)
		s.live = false
	}
}

func (s *screen) claim(held bool, text string) {
	mark := s.paint(green, "   ok   ")
	if !held {
		mark = s.paint(red, "   FAIL ")
	}
	for _, l := range wrap(text, width-8) {
		s.line(mark + l)
		mark = "        "
	}
}

// wrap breaks text between words into lines of at most n characters; a longer word gets a line of its own.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > n:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
