package voltronic

import (
	"bytes"
	"fmt"

	"sunwire/drivers/link"
)

// wire is how a protocol is framed. A request is
//
//	Q P I G S  B7 A9  0D             ^ P 0 0 5 G S  58 14  0D
//	command    crc    CR             what, length, command, crc, CR
//
// and a reply
//
//	( 2 3 0 . 1  20  5 0 . 0  20 ...  hi lo  0D        ^ D 1 0 6 2 2 3 2 , 4 9 9 , ...  hi lo  0D
//	  fields, a blank between them    crc    CR        length, fields, a comma between  crc    CR
//
// The checksum is CRC-16/XMODEM over all that stands before it. A byte of it that would read as '(', LF or CR is sent one higher; some
// devices do the same for NUL, some do neither, so that a CR or a comma may stand inside a checksum. Zeros in front leave this checksum
// unchanged, so that what does not begin as above is no reply.
//
// The length counts what follows it, checksum and CR included. Some devices state one or two bytes too few, under a right checksum.
type wire struct {
	query, set string // what a request begins with, its length behind it; "": with the command
	counts     int    // what that length counts besides the command
	bare       bool   // requests have no checksum
	plain      bool   // the device sends its checksum as it is: what the simulator does
	commas     bool   // replies begin with ^D and have commas
	blanks     bool   // any field may be empty or dashes: what the device does not have
}

func (w wire) between() string {
	if w.commas {
		return ","
	}
	return " "
}

func crc(b []byte) (hi, lo byte) {
	var c uint16
	for _, x := range b { // eight bits at once: with this polynomial, their remainder is three shifts
		x ^= byte(c >> 8)
		x ^= x >> 4
		c = c<<8 ^ uint16(x)<<12 ^ uint16(x)<<5 ^ uint16(x)
	}
	return byte(c >> 8), byte(c)
}

// escape raises what may not stand in a checksum; zero says whether that holds for NUL too.
func escape(x byte, zero bool) byte {
	if x == '(' || x == '\n' || x == '\r' || (zero && x == 0) {
		return x + 1
	}
	return x
}

// seal appends checksum and CR.
func seal(content []byte) []byte {
	hi, lo := crc(content)
	return append(content, escape(hi, true), escape(lo, true), '\r')
}

func (w wire) seal(content []byte) []byte {
	if !w.plain {
		return seal(content)
	}
	hi, lo := crc(content)
	return append(content, hi, lo, '\r')
}

// unseal takes checksum and CR off again, and reports whether they are right.
func unseal(b []byte) (content []byte, ok bool) {
	n := len(b) - 3
	if n < 1 || b[n+2] != '\r' {
		return nil, false
	}
	hi, lo := crc(b[:n])
	for _, known := range [3][2]byte{{hi, lo}, {escape(hi, false), escape(lo, false)}, {escape(hi, true), escape(lo, true)}} {
		if b[n] == known[0] && b[n+1] == known[1] {
			return b[:n], true
		}
	}
	return nil, false
}

// sum is the checksum of one byte that some commands have: the bytes' sum and one.
func sum(b []byte) (s byte) {
	for _, x := range b {
		s += x
	}
	return s + 1
}

// request is the whole frame of command, argument included. c is nil for one that the table does not have.
func (w wire) request(c *Command, command string) []byte {
	if c == nil {
		c = &Command{Fields: []Field{{}}} // whoever asks in plain text most likely asks
	}
	b := make([]byte, 0, len(command)+12)
	if w.query != "" {
		start, length := w.query, len(command)+w.counts
		if len(c.Fields) == 0 {
			start = w.set
		}
		if c.Sum {
			length += 3
		}
		b = fmt.Appendf(b, "%s%03d", start, length)
	}
	b = append(b, command...)
	if c.Sum {
		b = fmt.Appendf(b, "%03d", sum(b)-1)
	}
	switch {
	case c.Chk && len(c.Fields) == 0:
		return append(b, sum(b))
	case c.Bare || w.bare:
		return append(b, '\r')
	}
	return seal(b)
}

// begins is the length of what a reply starting with b has before its fields; 0: it is none.
func (w wire) begins(b []byte) int {
	if !w.commas {
		if len(b) > 0 && b[0] == '(' {
			return 1
		}
		return 0
	}
	n := 0
	if len(b) > 1 && b[0] == '^' {
		if b[1] == '0' || b[1] == '1' {
			return 1
		}
		n = 1
	}
	if bytes.HasPrefix(b, []byte("(ACK")) || bytes.HasPrefix(b, []byte("(NAK")) { // some accept and refuse as PI30 does
		return 1
	}
	if len(b) < n+4 || b[n] != 'D' || !pictured(string(b[n+1:n+4]), "000") { // one known device leaves out the ^
		return 0
	}
	return n + 4
}

// opened is what stands between beginning and checksum of a whole reply to c: printable and not empty. An acceptance is "ACK", a refusal
// "NAK". The checksum may be wrong where lenient is set; nothing else may.
func (w wire) opened(c *Command, reply []byte, lenient bool) (body []byte, ok bool) {
	content, ok := unseal(reply)
	if !ok && c != nil && c.Chk {
		if n := len(reply) - 2; n > 0 && reply[n+1] == '\r' && reply[n] == sum(reply[:n]) {
			content, ok = reply[:n], true
		}
	}
	if !ok && lenient && len(reply) > 3 && reply[len(reply)-1] == '\r' {
		content, ok = reply[:len(reply)-3], true
	}
	start := w.begins(content)
	if !ok || start == 0 || len(content) == start {
		return nil, false
	}
	body = content[start:]
	for _, x := range body {
		if x < ' ' || x > '~' || x == '(' || x == '^' {
			return nil, false
		}
	}
	if !w.commas {
		return body, true
	}
	if start == 1 {
		for i, a := range answer {
			if string(body) == string(a) || content[0] == '^' && len(body) == 1 && int(body[0]-'0') == i {
				return a, true
			}
		}
		return nil, false
	}
	digits := content[start-3 : start]
	stated := int(digits[0]-'0')*100 + int(digits[1]-'0')*10 + int(digits[2]-'0')
	missing := len(reply) - start - stated
	return body, missing >= 0 && missing <= 2
}

var answer = [2][]byte{[]byte("NAK"), []byte("ACK")}

// reply is the whole frame of body, as a device sends it.
func (w wire) reply(body []byte) []byte {
	switch {
	case !w.commas:
		return w.seal(append([]byte{'('}, body...))
	case string(body) == "ACK":
		return w.seal([]byte("^1"))
	case string(body) == "NAK":
		return w.seal([]byte("^0"))
	}
	return w.seal(fmt.Appendf(nil, "^D%03d%s", len(body)+3, body))
}

// reseal renews checksum and CR of a reply whose content was changed.
func (w wire) reseal(reply []byte) []byte {
	return w.seal(bytes.Clone(reply[:max(0, len(reply)-3)]))
}

const (
	longest = 512 // bytes of a reply; known ones stay below 160
	shown   = 64  // of what is no reply, in an error
)

// starts is the last place in b where a reply may begin.
func (w wire) starts(b []byte) int {
	for i := len(b) - 1; i >= 0; i-- {
		if w.begins(b[i:]) > 0 && (i == 0 || b[i] != 'D' || b[i-1] != '^') {
			return i
		}
	}
	return -1
}

// framer finds the reply to c, and passes over all else: garbage, an echo, a late reply to another command. Without c every reply will do.
// lenient is called for a whole reply that has nothing wrong with it but its checksum; nil refuses that.
func (w wire) framer(c *Command, lenient func()) link.Framer {
	find := func(b []byte, wrong bool) (start, end, skip int) {
		for end, x := range b {
			if x != '\r' || end < 3 {
				continue
			}
			start := w.starts(b[:end-2])
			if start < 0 {
				continue
			}
			if body, ok := w.opened(c, b[start:end+1], wrong); ok {
				if c.takes(body) && (!wrong || c.whole(body)) {
					return start, end + 1, 0
				}
				if !wrong {
					skip = end + 1 // somebody else's: ours may still come
				}
			}
		}
		return 0, 0, skip
	}
	return func(b []byte, silent bool) (skip int, frame []byte, err error) {
		start, end, skip := find(b, false)
		switch {
		case end > 0:
			return start, b[start:end], nil
		case skip > 0:
			return skip, nil, nil
		case silent && lenient != nil:
			if start, end, _ = find(b, true); end > 0 {
				lenient()
				return start, b[start:end], nil
			}
		}
		if silent {
			return 0, nil, fmt.Errorf("%w: no whole reply in %d bytes [% x]", link.ErrFrame, len(b), b[:min(len(b), shown)])
		}
		return max(0, len(b)-longest, w.rubbish(b)), nil, nil
	}
}

// rubbish is how much of b stands before anything that may be a reply's beginning.
func (w wire) rubbish(b []byte) int {
	if !w.commas {
		if i := bytes.IndexByte(b, '('); i >= 0 {
			return i
		}
		return len(b)
	}
	if i := bytes.IndexAny(b, "^D("); i >= 0 {
		return i
	}
	return len(b)
}

// takes reports whether body answers c. ACK answers a setter only: to a query it is the late answer to something else.
func (c *Command) takes(body []byte) bool {
	switch {
	case c == nil, string(body) == "NAK":
		return true
	case string(body) == "ACK":
		return len(c.Fields) == 0
	}
	return c.decode(body, "") != nil
}

// whole reports whether body has all the fields of c, and no other: what is asked of a reply whose checksum says nothing.
func (c *Command) whole(body []byte) bool {
	return c != nil && len(c.Fields) > 0 && len(c.decode(body, "")) == c.lines
}
