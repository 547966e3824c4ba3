package tracker

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type heard struct {
	Seq  byte
	Body string
	Long bool
}

func listen(f *framer, pieces ...[]byte) []heard {
	var out []heard
	for _, piece := range pieces {
		f.feed(piece, func(p packet) { out = append(out, heard{p.seq, string(p.body), p.long}) })
	}
	return out
}

func frame(seq byte, body string) []byte {
	n := len(body)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), seq}, body...)
}

func TestFramerFindsPacketsWhereverTheStreamIsCut(t *testing.T) {
	stream := bytes.Join([][]byte{frame(0, "first"), frame(1, ""), frame(2, "third"), frame(0, "x")}, nil)
	want := []heard{{0, "first", false}, {1, "", false}, {2, "third", false}, {0, "x", false}}
	for i := range stream {
		for j := i; j < len(stream); j++ {
			got := listen(&framer{}, stream[:i], stream[i:j], stream[j:])
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("cut at %d and %d (-want +got):\n%s", i, j, diff)
			}
		}
	}
}

func TestFramerTakesAContinuedMessageForOne(t *testing.T) {
	full := string(bytes.Repeat([]byte{'a'}, maxBody))
	got := listen(&framer{}, frame(0, full), frame(1, full), frame(2, ""), frame(0, "next"))
	if len(got) != 2 || !got[0].Long || len(got[0].Body) != maxBody || got[1].Body != "next" {
		t.Errorf("%d messages, want a long one and the next", len(got))
	}
}
