package jbd

import (
	"context"
	"fmt"

	"sunwire/drivers"
	"sunwire/drivers/wire"
)

const mosfets = 0xE1

// setter: register E1 holds what is switched off, both switches in one word:
//
//	DD     5A     E1        02      00 01  FF 1C     77
//	DD     E1     00        00             00 00     77
//	start  write  register  length  data   checksum  end
//
// Bit 0 is charge, bit 1 discharge, 1 is off (syssi/esphome-jbd-bms: the tests, and docs/pdus with the answers). It needs no factory mode
// and lies in no EEPROM. All other settings do: a board is in factory mode while they are read, too, and nobody asked for that.
func setter() *wire.Setter {
	return &wire.Setter{
		Request: func(w wire.Write) []byte {
			b := []byte{0xDD, 0x5A, byte(w.Register), 2, byte(w.Raw >> 8), byte(w.Raw), 0, 0, 0x77}
			sum.Seal(b)
			return b
		},
		Length: length, Sum: sum,
		Answer: func(w wire.Write, f []byte) error {
			switch {
			case f[1] != byte(w.Register) || f[len(f)-1] != 0x77:
				return fmt.Errorf("%w: an answer to %#02x, not to %#02x", drivers.ErrFrame, f[1], w.Register)
			case f[2] != 0:
				return fmt.Errorf("status %#02x (a board with a password takes nothing without): %w", f[2], drivers.ErrRefused)
			}
			return nil
		},
		Raw: switches,
		Obey: func(raw uint32, tell func(key string, v drivers.Value)) {
			for bit, s := range both {
				tell(s.key, drivers.Bool(raw>>bit&1 == 0))
			}
		},
		Parse: func(b []byte) wire.Write {
			if len(b) != 9 {
				return wire.Write{}
			}
			return wire.Write{Register: uint16(b[2]), Raw: uint32(b[4])<<8 | uint32(b[5])}
		},
		Reply: func(w wire.Write, taken bool) []byte {
			b := []byte{0xDD, byte(w.Register), 0, 0, 0, 0, 0x77}
			if !taken {
				b[2] = 0x80
			}
			sum.Seal(b)
			return b
		},
	}
}

// both are the switches by their bits, each with the alarms by which the board opens it itself.
var both = [2]struct {
	key    string
	alarms uint32
}{
	{"charging_allowed", 1<<0 | 1<<2 | 1<<4 | 1<<5 | 1<<8 | 1<<11 | 1<<13},
	{"discharging_allowed", 1<<1 | 1<<3 | 1<<6 | 1<<7 | 1<<9 | 1<<10 | 1<<11 | 1<<14},
}

const locked = 1 << 12 // the alarm that tells of a switch that somebody turned off

// switches is E1 with one switch set to v and the other as it was. The board tells what conducts, not what E1 holds: a switch that its
// protection has opened must be neither locked nor unlocked by the way. What cannot be told apart is not written.
func switches(ctx context.Context, d *wire.Device, key string, v drivers.Value) (uint32, error) {
	decoded, err := d.Ask(ctx, &d.Commands[0])
	if err != nil {
		return 0, err
	}
	now := map[string]drivers.Decoded{}
	for _, x := range decoded {
		now[x.Entity.Key] = x
	}
	var raw uint32
	for bit, s := range both {
		var off bool
		if on, _ := v.Bool(); s.key == key {
			off = !on
		} else if off, err = isLocked(now[s.key], now[key], now["alarms"], s.alarms); err != nil {
			return 0, fmt.Errorf("%s is written together with %s, %w", key, s.key, err)
		}
		if off {
			raw |= 1 << bit
		}
	}
	return raw, nil
}

// isLocked reports whether a switch is off because somebody turned it off, and not by the alarms of its own.
func isLocked(s, other, alarms drivers.Decoded, own uint32) (bool, error) {
	on, known := s.Value.Bool()
	otherOn, _ := other.Value.Bool()
	word, told := alarms.Raw.Float()
	protected, somebody := uint32(word)&own != 0, uint32(word)&locked != 0
	switch {
	case !known || !told:
		return false, fmt.Errorf("which the board does not tell: %w", drivers.ErrFrame)
	case on:
		return false, nil
	case somebody && (otherOn || !protected):
		return true, nil
	case !somebody && protected:
		return false, nil
	}
	return false, fmt.Errorf("which is off, and whether by its protection or by somebody's choice the board does not tell: set it in the maker's program first")
}
