package simulated

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/link/serial"
	"sunwire/drivers/link/stream"
	"sunwire/drivers/voltronic"
)

// inverter is a PI30 on a pseudo-terminal, polled by the real link and driver as the bridge does it.
type inverter struct {
	*testing.T

	fault   Fault
	path    string
	conn    *stream.Conn
	dev     drivers.Device
	queries []drivers.Query
	truth   map[string]string // by query
}

// open opens the port. Where there is none, it is lost.
func (i *inverter) open() error {
	c, err := serial.Open(serial.Options{Path: i.path, Baud: 38400})
	if err != nil {
		return err
	}
	dev, err := voltronic.PI30.Open(c, 0, nil)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	i.conn, i.dev = c, dev
	return nil
}

// poll asks once, and compares with the truth; a lost link is opened again.
func (i *inverter) poll(q drivers.Query) error {
	if i.conn == nil {
		if err := i.open(); err != nil {
			return err
		}
	}
	rs, err := i.dev.Poll(i.Context(), q)
	if errors.Is(err, link.ErrLost) {
		_ = i.conn.Close()
		i.conn = nil
	}
	if err != nil {
		return err
	}
	if got, want := fmt.Sprint(rs), i.truth[q.Name]; got != want {
		i.Errorf("%s: %s gave %s, want %s", i.fault, q.Name, got, want)
	}
	return nil
}

func (i *inverter) twice(q drivers.Query) error {
	err := i.poll(q)
	if err != nil {
		err = i.poll(q)
	}
	return err
}

// All at once: they mostly wait.
func TestNoFaultOfTheLineMakesAWrongValue(t *testing.T) {
	var all sync.WaitGroup
	for _, fault := range Faults() {
		i := &inverter{T: t, fault: fault, path: filepath.Join(t.TempDir(), "inverter"), truth: map[string]string{}}
		all.Go(i.suffer)
	}
	all.Wait()
}

// suffer serves the inverter, and polls it before, during and after its fault.
func (i *inverter) suffer() {
	trouble := NewTrouble(1)
	sim := voltronic.PI30.Simulate(nil, 0)
	ctx, stop := context.WithCancel(i.Context())
	var serving sync.WaitGroup
	defer serving.Wait()
	defer stop()
	serving.Go(func() {
		if err := (Line{Baud: 38400, Ends: EndsInCR, Trouble: trouble}).ServePTY(ctx, i.path, sim); err != nil {
			i.Errorf("%s: %v", i.fault, err)
		}
	})
	if err := errors.Join(i.learn(sim), i.comeBack()); err != nil {
		i.Errorf("%s: %v", i.fault, err)
		return
	}

	_ = trouble.Set(string(i.fault))
	polls, failed := 0, 0
	for end := time.Now().Add(2500 * time.Millisecond); time.Now().Before(end); polls++ {
		if i.twice(i.queries[polls%len(i.queries)]) != nil {
			failed++
		}
		if i.conn == nil {
			<-time.After(10 * time.Millisecond)
		}
	}
	harmless := i.fault == None || i.fault == Echo
	if polls == 0 || harmless && failed > 0 || (i.fault == Silence || i.fault == Garbage || i.fault == Unplug) && failed < polls {
		i.Errorf("%s: %d of %d polls failed", i.fault, failed, polls)
	}
	_ = trouble.Set(string(None))

	start := time.Now()
	if err := i.comeBack(); err != nil {
		i.Errorf("%s: %v", i.fault, err)
	}
	if took := time.Since(start); took > 4*time.Second {
		i.Errorf("%s: right again after %v", i.fault, took)
	}
	if i.conn != nil {
		_ = i.conn.Close()
	}
}

// comeBack polls each query: right within two polls, once the port is there.
func (i *inverter) comeBack() (err error) {
	for start := time.Now(); i.conn == nil && time.Since(start) < soon; {
		if err := i.open(); err != nil && !errors.Is(err, link.ErrLost) {
			return err
		}
	}
	for _, q := range i.queries {
		if e := i.twice(q); e != nil {
			err = errors.Join(err, fmt.Errorf("after two polls: %w", e))
		}
	}
	return err
}

// learn takes the truth from the simulator itself, over no line at all. First come queries whose replies look alike.
func (i *inverter) learn(sim link.Simulator) error {
	c, err := New(link.Serial, sim, Options{})
	if err != nil {
		return err
	}
	dev, err := voltronic.PI30.Open(c, 0, nil)
	if err != nil {
		return err
	}
	desc, err := dev.Describe(i.Context())
	if err != nil {
		return err
	}
	slices.Reverse(desc.Queries)
	i.queries = desc.Queries
	for _, q := range i.queries {
		rs, err := dev.Poll(i.Context(), q)
		if err != nil {
			return err
		}
		i.truth[q.Name] = fmt.Sprint(rs)
	}
	if i.queries[0].Name != "QMUCHGCR" || i.queries[1].Name != "QMCHGCR" || i.truth["QMUCHGCR"] == i.truth["QMCHGCR"] {
		return errors.New("the queries do not begin with two that are alike")
	}
	return nil
}
