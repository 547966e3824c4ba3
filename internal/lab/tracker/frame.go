package tracker

// headLen is the length of a packet's head: three bytes of length, one of sequence.
const headLen = 4

// maxBody is the length of a packet that the next one continues.
const maxBody = 1<<24 - 1

// packet is one message of the protocol. What is longer than a packet comes as
// several on the wire; body is then the first of them.
type packet struct {
	seq  byte
	body []byte // valid until the next call of feed
	long bool   // body is not all of it
}

// framer cuts one direction of a connection into messages, wherever the reads
// and writes happened to end.
type framer struct {
	head      [headLen]byte
	have      int // bytes of head
	left      int // bytes of the body still to come
	body      []byte
	continues bool // the packet under way continues a message whose start was handed on
}

// feed takes the next bytes of the stream and calls each for every message whose
// first packet ends in them.
func (f *framer) feed(b []byte, each func(packet)) {
	for len(b) > 0 {
		if f.have < headLen {
			n := copy(f.head[f.have:], b)
			f.have += n
			b = b[n:]
			if f.have < headLen {
				return
			}
			f.left = f.length()
			f.body = f.body[:0]
		}
		n := min(f.left, len(b))
		if !f.continues {
			f.body = append(f.body, b[:n]...)
		}
		f.left -= n
		b = b[n:]
		if f.left == 0 {
			f.end(each)
		}
	}
}

func (f *framer) end(each func(packet)) {
	f.have = 0
	long := f.length() == maxBody
	if !f.continues {
		each(packet{seq: f.head[3], body: f.body, long: long})
	}
	f.continues = long
}

func (f *framer) length() int {
	return int(f.head[0]) | int(f.head[1])<<8 | int(f.head[2])<<16
}
