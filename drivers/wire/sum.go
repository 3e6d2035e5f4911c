package wire

import "fmt"

// Sum is a checksum and its place in a frame.
type Sum struct {
	Of     func(covered []byte) uint32
	Size   int  // bytes
	Little bool // byte order
	From   int  // the first byte covered
	Tail   int  // bytes behind the checksum, which it does not cover
	Hex    bool // Size is digits, in capitals
}

// Right reports whether frame has its checksum.
func (s *Sum) Right(frame []byte) bool {
	at := len(frame) - s.Tail - s.Size
	if at <= s.From {
		return false
	}
	sum := s.Of(frame[s.From:at])
	if s.Hex {
		return string(frame[at:at+s.Size]) == s.digits(sum)
	}
	l := Layout{Little: s.Little}
	return l.unsigned(frame[at:at+s.Size]) == sum&(1<<(8*s.Size)-1)
}

func (s *Sum) digits(sum uint32) string { return fmt.Sprintf("%0*X", s.Size, sum&(1<<(4*s.Size)-1)) }

// Seal writes the checksum of frame into it.
func (s *Sum) Seal(frame []byte) {
	at := len(frame) - s.Tail - s.Size
	if at <= s.From {
		return
	}
	if s.Hex {
		copy(frame[at:], s.digits(s.Of(frame[s.From:at])))
		return
	}
	l := Layout{Little: s.Little}
	l.store(frame[at:at+s.Size], s.Of(frame[s.From:at]))
}

// Add is the sum of all bytes.
func Add(b []byte) (sum uint32) {
	for _, x := range b {
		sum += uint32(x)
	}
	return sum
}

// Negated is what makes the sum of all bytes and itself 0.
func Negated(b []byte) uint32 { return -Add(b) }

// Modbus is CRC-16/MODBUS: reflected polynomial 0xA001, initial value 0xFFFF. On the wire its low byte goes first.
func Modbus(b []byte) uint32 {
	crc := uint32(0xFFFF)
	for _, x := range b {
		crc ^= uint32(x)
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low == 1 {
				crc ^= 0xA001
			}
		}
	}
	return crc
}

// XModem is CRC-16/XMODEM: polynomial 0x1021, initial value 0.
func XModem(b []byte) uint32 {
	var crc uint16
	for _, x := range b {
		x ^= byte(crc >> 8)
		x ^= x >> 4
		crc = crc<<8 ^ uint16(x)<<12 ^ uint16(x)<<5 ^ uint16(x)
	}
	return uint32(crc)
}

// Xor is the exclusive or of all bytes.
func Xor(b []byte) (sum uint32) {
	for _, x := range b {
		sum ^= uint32(x)
	}
	return sum
}
