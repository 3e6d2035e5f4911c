package voltronic

import (
	"bytes"
	"fmt"

	"sunwire/drivers/link"
)

// A request is
//
//	Q P I G S  B7 A9  0D
//	command    crc    CR
//
// and a reply
//
//	( 2 3 0 . 1  20  5 0 . 0  20 ...  hi lo  0D
//	  fields, a blank between them    crc    CR
//
// The checksum is CRC-16/XMODEM over all that stands before it. A byte of it that would read as '(', LF or CR is sent one higher; some
// devices do the same for NUL, some do neither, so that a CR may stand inside a checksum. What does not start with '(' is not a reply:
// zeros in front leave this checksum unchanged.
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

// opened is what stands between '(' and the checksum of a whole reply: printable, not empty, and without another '('.
func opened(reply []byte) (body []byte, ok bool) {
	if len(reply) == 0 || reply[0] != '(' {
		return nil, false
	}
	content, ok := unseal(reply)
	if !ok || len(content) < 2 {
		return nil, false
	}
	for _, x := range content[1:] {
		if x < ' ' || x > '~' || x == '(' {
			return nil, false
		}
	}
	return content[1:], true
}

// reseal renews checksum and CR of a reply whose content was changed.
func reseal(reply []byte) []byte {
	return seal(bytes.Clone(reply[:max(0, len(reply)-3)]))
}

const (
	longest = 512 // bytes of a reply; known ones stay below 150
	shown   = 64  // of what is no reply, in an error
)

// framer finds the reply to c, and passes over all else: garbage, an echo, a late reply to another command. Without c every reply will do.
func framer(c *Command) link.Framer {
	return func(b []byte, silent bool) (skip int, frame []byte, err error) {
		for end, x := range b {
			if x != '\r' || end < 3 {
				continue
			}
			start := bytes.LastIndexByte(b[:end-2], '(')
			if start < 0 {
				continue
			}
			if body, ok := opened(b[start : end+1]); ok {
				if c.takes(body) {
					return start, b[start : end+1], nil
				}
				skip = end + 1 // somebody else's: ours may still come
			}
		}
		if skip > 0 {
			return skip, nil, nil
		}
		if silent {
			return 0, nil, fmt.Errorf("%w: no whole reply in %d bytes [% x]", link.ErrFrame, len(b), b[:min(len(b), shown)])
		}
		skip = bytes.IndexByte(b, '(')
		if skip < 0 {
			skip = len(b)
		}
		return max(skip, len(b)-longest), nil, nil
	}
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
