package i2c

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"sunwire/drivers/link"
)

// board is a bus with a multiplexer at 0x70. A chip of one register hangs at 0x76 on each channel, and another on the bus itself.
type board struct {
	open       byte
	chips      map[byte]byte // by the channels that are open; 0: the bus
	mux        bool
	shorted    bool
	failing    error
	transfers  int
	collisions int
}

func (b *board) Close() error { return nil }

func (b *board) Tx(addr uint16, w, r []byte) error {
	b.transfers++
	switch {
	case b.shorted:
		clear(r)
		return nil
	case b.failing != nil:
		return b.failing
	case b.mux && addr == 0x70:
		if len(w) > 0 {
			b.open = w[0]
		}
		if len(r) > 0 {
			r[0] = b.open
		}
		return nil
	case addr != 0x76:
		return errors.New("sysfs-i2c: remote I/O error")
	}
	if b.open != 0 && b.chips[0] != 0 && b.open != 1<<7 { // channel 7 is used by those tests that have none on the bus
		b.collisions++
	}
	r[0] = b.chips[b.open]
	return nil
}

// held is a lock that is told whether it is held.
type held struct{ sync.Mutex }

func (l *held) Lock() error   { l.Mutex.Lock(); return nil }
func (l *held) Unlock() error { l.Mutex.Unlock(); return nil }
func (l *held) Close() error  { return nil }

func on(t *testing.T, b *board, lock locker, mux uint16, channel byte) *Conn {
	t.Helper()
	name := t.TempDir() + "/i2c"
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return &Conn{bus: b, lock: lock, name: name, mux: mux, channel: channel}
}

func TestEachChannelHasItsOwnChipAndNoneStaysOpen(t *testing.T) {
	b := &board{mux: true, chips: map[byte]byte{0: 0xB0, 1 << 0: 0xC0, 1 << 3: 0xC3, 1 << 7: 0xC7}}
	lock := new(held)
	for _, c := range []struct {
		conn *Conn
		want byte
	}{
		{on(t, b, lock, 0x70, 1<<3), 0xC3}, {on(t, b, lock, 0, 0), 0xB0}, {on(t, b, lock, 0x70, 1<<7), 0xC7}, {on(t, b, lock, 0x70, 1<<0), 0xC0},
	} {
		var r [1]byte
		if err := c.conn.Tx(0x76, []byte{0}, r[:]); err != nil || r[0] != c.want {
			t.Errorf("%#x, %v, want %#x", r, err, c.want)
		}
		if b.open != 0 {
			t.Errorf("channels %08b stay open", b.open)
		}
	}
}

func TestChannelsAtTheSameTimeNeverHearEachOther(t *testing.T) {
	b := &board{mux: true, chips: map[byte]byte{0: 0xB0, 1: 0xC0, 2: 0xC1, 4: 0xC2}}
	lock := new(held)
	var all sync.WaitGroup
	for _, channel := range []byte{0, 1, 2, 4} {
		mux := uint16(0x70)
		if channel == 0 {
			mux = 0
		}
		c := on(t, b, lock, mux, channel)
		all.Go(func() {
			for range 200 {
				var r [1]byte
				if err := c.Tx(0x76, []byte{0}, r[:]); err != nil || r[0] != b.chips[channel] {
					t.Errorf("channel %08b: %#x, %v", channel, r, err)
				}
			}
		})
	}
	all.Wait()
}

func TestAMultiplexerThatIsNotThereOrNoneIsSaid(t *testing.T) {
	var r [1]byte
	err := on(t, &board{}, new(held), 0x70, 1).Tx(0x76, []byte{0}, r[:])
	if err == nil || !strings.Contains(err.Error(), "multiplexer at 0x70 does not answer") {
		t.Error(err)
	}
	err = on(t, &board{mux: true, failing: errors.New("sysfs-i2c: " + syscall.ETIMEDOUT.Error())}, new(held), 0x70, 1).Tx(0x76, []byte{0}, r[:])
	if err == nil || !strings.Contains(err.Error(), "the bus hangs") {
		t.Error(err)
	}
	err = on(t, &board{shorted: true}, new(held), 0x70, 1).Tx(0x76, []byte{0}, r[:])
	if !errors.Is(err, link.ErrFrame) || !strings.Contains(err.Error(), "no TCA9548A") {
		t.Error(err)
	}
}

func TestWhatIsWrongWithTheBusIsSaidWithItsMend(t *testing.T) {
	for errno, mend := range map[syscall.Errno]string{
		syscall.ETIMEDOUT: "the bus hangs, something holds its clock: turn all that hangs on it off and on",
		syscall.EAGAIN:    "a wire is loose",
		syscall.EBUSY:     "a driver of the kernel has this chip",
		syscall.ENODEV:    "the adapter is gone",
	} {
		err := on(t, &board{failing: errors.New("sysfs-i2c: " + errno.Error())}, new(held), 0, 0).Tx(0x76, []byte{0}, make([]byte, 1))
		if err == nil || !strings.Contains(err.Error(), mend) || !strings.Contains(err.Error(), errno.Error()) {
			t.Errorf("%v: %v", errno, err)
		}
	}
}

func TestADataLineHeldToGroundIsNotAReadingOfZero(t *testing.T) {
	var r [1]byte
	b := &board{chips: map[byte]byte{0: 0}}
	if err := on(t, b, new(held), 0, 0).Tx(0x76, []byte{0}, r[:]); err != nil {
		t.Errorf("a real zero: %v", err)
	}
	b.shorted = true
	if err := on(t, b, new(held), 0, 0).Tx(0x76, []byte{0}, r[:]); !errors.Is(err, link.ErrNoReply) || !strings.Contains(err.Error(), "SDA") {
		t.Errorf("shorted: %v", err)
	}
	b = &board{chips: map[byte]byte{0: 1}}
	if err := on(t, b, new(held), 0, 0).Tx(0x76, []byte{0}, r[:]); err != nil || b.transfers != 1 {
		t.Errorf("%v after %d transfers: nobody is asked where there is no need", err, b.transfers)
	}
}

func TestABusThatIsGoneIsLost(t *testing.T) {
	c := on(t, &board{failing: errors.New("sysfs-i2c: " + syscall.ENODEV.Error())}, new(held), 0, 0)
	c.name += "-gone"
	if err := c.Tx(0x76, []byte{0}, make([]byte, 1)); !errors.Is(err, link.ErrLost) {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	for at, want := range map[string][]string{
		"1": {"1", "", ""}, "/dev/i2c-12": {"12", "", ""}, "1/0x70.3": {"1", "70", "3"}, "10/0x77.7": {"10", "77", "7"},
		"1/0x78.0": nil, "1/0x70.8": nil, "1/0x70": nil, "1/0x76": nil,
	} {
		m := address.FindStringSubmatch(at)
		if want == nil && m != nil || want != nil && !slices.Equal(m[1:], want) {
			t.Errorf("%s: %q", at, m)
		}
	}
}
