package detect

import (
	"context"
	"fmt"

	"sunwire/drivers"
	"sunwire/drivers/link"
)

// mask is a bus on which some chips cannot be seen. It notes where a driver found its own.
type mask struct {
	link.Bus
	only   uint16 // the one address to look at; 0: all
	hidden map[uint16]bool
	at     uint16 // where the last answer came from
}

// Tx implements link.Bus.
func (m *mask) Tx(addr uint16, w, r []byte) error {
	if m.hidden[addr] || m.only != 0 && addr != m.only {
		return fmt.Errorf("0x%02x is not looked at: %w", addr, link.ErrNoReply)
	}
	err := m.Bus.Tx(addr, w, r)
	if err == nil {
		m.at = addr
	}
	return err
}

// chips lets each driver look for its chips, one after the other: a chip that was found is hidden from then on.
func (s *search) chips(ctx context.Context, b link.Bus, ds []drivers.Driver) error {
	m := &mask{Bus: b, hidden: map[uint16]bool{}}
	_, m.only = s.Port.settings()
	for _, d := range ds {
		for more := true; more; {
			m.at = 0
			found, err := s.detect(ctx, d, m)
			if err != nil {
				return err
			}
			if more = found != nil && m.at != 0; more {
				m.hidden[m.at] = true
				found.Port = s.Port.Text
				if m.only == 0 {
					found.Port += fmt.Sprintf("/0x%02x", m.at)
				}
				s.Matches = append(s.Matches, *found)
			}
		}
	}
	return nil
}
