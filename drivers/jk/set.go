package jk

import (
	"encoding/binary"
	"fmt"

	"sunwire/drivers"
	"sunwire/drivers/wire"
)

// ttlSetter writes one register of one byte. The board wants to hear a password directive before, whose content it does not look at and
// which it does not answer; older firmware takes a write without:
//
//	4E 57  00 14   00 00 00 00   05       02      00       00  00     00 00 00 00  68   00 00  01 28
//	4E 57  00 14   00 00 00 00   02       02      00       AB  01     00 00 00 00  68   00 00  01 D1
//	4E 57  00 13   00 00 00 00   02       00      01       AB         00 00 00 00  68   00 00  01 CE
//	start  length  terminal      command  source  request  register   record       end         sum
//
// (syssi/esphome-jk-bms issues 341 and 404, pull request 343: in use on firmware 10 and 11.) Of the switches only charge and discharge are
// taken: the balancer's (9D) is not, and limits are acknowledged and stay as they were.
func ttlSetter() *wire.Setter {
	return &wire.Setter{
		Unlock:  func(int) []byte { return ttlWrite(5, 0, 0) },
		Request: func(w wire.Write) []byte { return ttlWrite(2, byte(w.Register), byte(w.Raw)) },
		Length:  ttlLength, Sum: ttlSum,
		Answer: func(w wire.Write, f []byte) error {
			if f[8] != 2 || f[10] != 1 || f[11] != byte(w.Register) {
				return fmt.Errorf("%w: no answer to the write of %#02x", drivers.ErrFrame, w.Register)
			}
			return nil
		},
		Parse: func(b []byte) wire.Write {
			if len(b) != 22 {
				return wire.Write{}
			}
			return wire.Write{Register: uint16(b[11]), Raw: uint32(b[12])}
		},
		Reply: func(w wire.Write, taken bool) []byte {
			if !taken {
				return nil
			}
			return ttlSealed(0x4E, 0x57, 0, 19, 0, 0, 0, 0, 2, 0, 1, byte(w.Register))
		},
	}
}

const gps = 2 // the source that the board takes writes from

func ttlWrite(command, register, data byte) []byte {
	return ttlSealed(0x4E, 0x57, 0, 20, 0, 0, 0, 0, command, gps, 0, register, data)
}

// ttlSealed appends record, end and sum.
func ttlSealed(head ...byte) []byte {
	b := append(head, 0, 0, 0, 0, 0x68, 0, 0, 0, 0)
	ttlSum.Seal(b)
	return b
}

// bleSetter sends a command with a value of four bytes; the answer does not say which command was taken:
//
//	AA 55 90 EB  1D       04      01 00 00 00  00 ...  9C
//	AA 55 90 EB  C8       01      01           00 ...  44
//	start        command  length  value                sum
//
// (mpp-solar, MIT: its frames and their answers; syssi/esphome-jk-bms issue 87.)
func bleSetter() *wire.Setter {
	return &wire.Setter{
		Request: func(w wire.Write) []byte {
			return question(byte(w.Register), binary.LittleEndian.AppendUint32([]byte{4}, w.Raw)...)
		},
		Length: bleLength, Sum: wire.Sum{Of: wire.Add, Size: 1},
		Answer: func(_ wire.Write, f []byte) error {
			switch {
			case len(f) != bleTaken || f[4] != taken || f[5] != 1:
				return fmt.Errorf("%w: a frame of type %#02x, which is no acknowledgement", drivers.ErrFrame, f[4])
			case f[6] != 1:
				return drivers.ErrRefused
			}
			return nil
		},
		Parse: func(b []byte) wire.Write {
			if len(b) != bleTaken {
				return wire.Write{}
			}
			return wire.Write{Register: uint16(b[4]), Raw: binary.LittleEndian.Uint32(b[6:])}
		},
		Reply: func(_ wire.Write, done bool) []byte {
			if done {
				return question(taken, 1, 1)
			}
			return question(taken, 1, 0)
		},
	}
}

const taken = 0xC8

// pbSetter writes one value into two Modbus registers, the higher first. Where a setting is, is 1000 and its place in the settings frame
// behind the frame's head of 6 bytes:
//
//	01       10        10 70     00 02      04     00 00 00 01  crc
//	01       10        10 70     00 02                          crc     taken
//	01       90        03                                       crc     not taken
//	address  function  register  registers  bytes  value
//
// (JK's BMS RS485 Modbus V1.0 and V1.1; on a PB2A16S20P with firmware 15.41 each setting of the table was written, read back and restored:
// basmeerman/jkbms2mqtt, scripts/captures/hw_evidence; limits as JK's own program has them.) Number of cells, capacity, address, heating
// and the control bits are left out: nobody tells of having written them.
func pbSetter() *wire.Setter {
	return &wire.Setter{
		Request: func(w wire.Write) []byte {
			b := []byte{byte(w.Address), writeRegisters, byte(w.Register >> 8), byte(w.Register), 0, 2, 4}
			return modbusSealed(binary.BigEndian.AppendUint32(b, w.Raw)...)
		},
		Length: func(b []byte) int {
			switch {
			case len(b) < 2:
				return 0
			case b[1] == writeRegisters:
				return pbAck
			case b[1] == writeRegisters|refused:
				return 5
			}
			return -1
		},
		Sum: modbus,
		Answer: func(w wire.Write, f []byte) error {
			switch {
			case f[0] != byte(w.Address):
				return fmt.Errorf("%w: the pack with address %d answered", drivers.ErrFrame, f[0])
			case f[1] == writeRegisters|refused:
				return fmt.Errorf("exception %d: %w", f[2], drivers.ErrRefused)
			case f[2] != byte(w.Register>>8) || f[3] != byte(w.Register) || f[4] != 0 || f[5] != 2:
				return fmt.Errorf("%w: an answer to the write of another register", drivers.ErrFrame)
			}
			return nil
		},
		Parse: func(b []byte) wire.Write {
			if len(b) != 13 {
				return wire.Write{}
			}
			return wire.Write{Address: int(b[0]), Register: binary.BigEndian.Uint16(b[2:]), Raw: binary.BigEndian.Uint32(b[7:])}
		},
		Reply: func(w wire.Write, taken bool) []byte {
			if !taken {
				return modbusSealed(byte(w.Address), writeRegisters|refused, 3)
			}
			return modbusSealed(byte(w.Address), writeRegisters, byte(w.Register>>8), byte(w.Register), 0, 2)
		},
	}
}

const writeRegisters, refused = 0x10, 0x80 // Modbus functions

func modbusSealed(b ...byte) []byte {
	b = append(b, 0, 0)
	modbus.Seal(b)
	return b
}
