//go:build e2e

package main

import (
	"context"
	"fmt"
	"iter"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/jk"
	"sunwire/drivers/link"
	"sunwire/drivers/link/ble/bluez"
	"sunwire/drivers/link/simulated"
)

// member is one simulated device of many, which notes when it is asked.
type member struct {
	id, driver string
	serial     string // "": that of the driver's example
	address    uint16

	link.Simulator
	mu    sync.Mutex
	first float64 // its state of charge at first
	now   float64 // and now
	was   float64 // and the one before
	asked map[string][]time.Time
}

func newMember(t *testing.T, id, driver, serial string, address uint16, charge float64) *member {
	t.Helper()
	d, err := all.Find(driver)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{id: id, driver: driver, serial: serial, address: address, first: charge, now: charge, was: charge, asked: map[string][]time.Time{}}
	m.Simulator = d.Simulate(m, address)
	return m
}

// Value implements drivers.Model.
func (m *member) Value(_, key string) (drivers.Value, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case key == "state_of_charge":
		return drivers.Num(m.now), true
	case key == "serial_number" && m.serial != "":
		return drivers.Text(m.serial), true
	}
	return drivers.Value{}, false
}

// Answer implements link.Simulator.
func (m *member) Answer(request []byte) []byte {
	reply := m.Simulator.Answer(request)
	if reply != nil {
		m.mu.Lock()
		m.asked[string(request)] = append(m.asked[string(request)], time.Now())
		m.mu.Unlock()
	}
	return reply
}

// charge sets the state of charge to that much more than it was at first; six is as much as none shares with another.
func (m *member) charge(more int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.was, m.now = m.now, m.first+float64(more%6)
}

// could tells whether a state in Home Assistant is this device's, now or before the last change; right, whether it is today's.
func (m *member) could(state string) (could, right bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := strconv.ParseFloat(state, 64)
	return err == nil && (f == m.now || f == m.was), err == nil && f == m.now
}

// late is by how much the polls of the question that was asked most missed the interval: half of them, and the worst.
func (m *member) late(interval time.Duration) (polls int, median, worst time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var most []time.Time
	for _, times := range m.asked {
		if len(times) > len(most) {
			most = times
		}
	}
	var late []time.Duration
	for i := 1; i < len(most); i++ {
		late = append(late, (most[i].Sub(most[i-1]) - interval).Abs())
	}
	if len(late) == 0 {
		return len(most), 0, 0
	}
	slices.Sort(late)
	return len(most), late[len(late)/2], late[len(late)-1]
}

// shared is several devices on one pair of wires: each hears every question.
type shared []*member

// Answer implements link.Simulator.
func (s shared) Answer(request []byte) (reply []byte) {
	for _, m := range s {
		reply = append(reply, m.Answer(request)...)
	}
	return reply
}

// Push implements link.Simulator: nothing is said unasked.
func (s shared) Push() iter.Seq2[time.Duration, []byte] { return nil }

// fleet is many devices in one process: a JK pack and an inverter on terminals, two JK PB on one bus, a Daly over TCP, a Victron that speaks
// by itself, a JK by Bluetooth.
type fleet struct {
	*testHouse
	members []*member
	trouble map[string]*simulated.Trouble
	serving sync.WaitGroup
}

const fleetInterval = 5 * time.Second

func newFleet(t *testing.T) *fleet {
	f := &fleet{
		testHouse: &testHouse{
			t: t, dir: t.TempDir(), bin: binary(t),
			ha:     homeAssistant{t, strings.TrimRight(need(t, "SUNWIRE_HA_URL"), "/"), need(t, "SUNWIRE_HA_TOKEN")},
			broker: &testBroker{t: t, addr: need(t, "SUNWIRE_HA_BROKER"), dir: t.TempDir()},
		},
		trouble: map[string]*simulated.Trouble{},
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() { stop(); f.serving.Wait() })
	f.config = filepath.Join(f.dir, "sunwire.yaml")
	var devices strings.Builder
	serve := func(name string, baud int, sim link.Simulator, members ...*member) {
		f.trouble[name] = simulated.NewTrouble(1)
		l := simulated.Line{Baud: baud, Ends: simulated.EndsInCR, Trouble: f.trouble[name]}
		port := fmt.Sprintf("serial:%s/%s?baud=%d", f.dir, name, baud)
		if baud > 0 {
			f.serving.Go(func() { _ = l.ServePTY(ctx, filepath.Join(f.dir, name), sim) })
		} else {
			listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			port = "tcp://" + listener.Addr().String()
			f.serving.Go(func() { _ = l.ServeTCP(ctx, listener, sim) })
		}
		for _, m := range members {
			f.members = append(f.members, m)
			fmt.Fprintf(&devices, "  - {id: %s, driver: %s, port: %q, address: %d, interval: %s}\n", m.id, m.driver, port, m.address, fleetInterval)
		}
	}
	// One that no other test has: what is removed, Home Assistant gives its old entity ids when it returns.
	serials := map[string]string{"inverter": "92932004109002"}
	one := func(name, driver string, baud int, charge float64) {
		m := newMember(t, "fleet_"+name, driver, serials[name], 0, charge)
		serve(name, baud, m, m)
	}
	one("inverter", "pi30", 2400, 81)
	one("jk", "jk_ttl", 115200, 31)
	one("daly", "daly", 0, 64)
	one("victron", "vedirect", 19200, 22)
	left := newMember(t, "fleet_left", "jk_pb", "LEFT0000001", 1, 42)
	right := newMember(t, "fleet_right", "jk_pb", "RIGHT000002", 2, 53)
	serve("bus", 115200, shared{left, right}, left, right)
	air := bluez.New("hci0")
	t.Cleanup(air.Close)
	ble := newMember(t, "fleet_ble", "jk_ble", "RADIO000003", 0, 75)
	air.Add("hci0", &bluez.Device{Address: "C8:47:8C:12:34:56", Name: "JK-B2A8S20P", RSSI: -61, Services: bluez.Services(jk.BLE.GATT), Answer: ble.Answer})
	bus, err := air.Listen(filepath.Join(f.dir, "air"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", bus) // sunwire's, too
	f.members = append(f.members, ble)
	fmt.Fprintf(&devices, "  - {id: %s, driver: jk_ble, port: \"ble:C8:47:8C:12:34:56\", interval: %s, slow: 1h}\n", ble.id, fleetInterval) // both ask alike
	devices.WriteString("groups:\n  - {id: fleet_bank, kind: battery, members: [fleet_left, fleet_right, fleet_daly]}\n")
	f.configure(devices.String())
	f.broker.start()
	return f
}

func (f *fleet) configure(devices string) {
	f.t.Helper()
	text := fmt.Sprintf("mqtt: {url: \"mqtt://%s\"}\nhttp: {listen: \"127.0.0.1:18099\"}\nstate_dir: %s/state\ndevices:\n%s", f.broker.addr, f.dir, devices)
	if err := os.WriteFile(f.config, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// look compares what Home Assistant shows with what the devices have; it fails at a value that no such device ever had.
func (f *fleet) look(away string) (allRight bool) {
	f.t.Helper()
	states := f.ha.states()
	allRight = states != nil
	for _, m := range f.members {
		s := states["sensor."+m.id+"_state_of_charge"].State
		could, right := m.could(s)
		switch {
		case s == "unavailable" && m.id == away, s == "" || s == "unknown":
			allRight = false
		case !could:
			f.t.Errorf("%s shows a state of charge of %q; the device has %g", m.id, s, m.now)
		default:
			allRight = allRight && right
		}
	}
	return allRight
}

// watch looks twice a second, and every eight seconds each device has another state of charge. away is who may be.
func (f *fleet) watch(length time.Duration, away string) (looks int) {
	f.t.Helper()
	for begin, steps := time.Now(), 0; time.Since(begin) < length; looks++ {
		if f.look(away); time.Since(begin) > time.Duration(steps+1)*8*time.Second {
			steps++
			for _, m := range f.members {
				m.charge(steps)
			}
		}
		time.Sleep(500 * time.Millisecond)
	}
	return looks
}

// bank holds what the three packs on wires are together: with one of them missing there is no sum.
func (f *fleet) bank(missing string) {
	f.t.Helper()
	states := f.ha.states()
	if s := states["sensor.fleet_bank_members_missing"].State; s != missing {
		f.t.Errorf("of the bank %q are missing, not %s", s, missing)
	}
	_, err := strconv.ParseFloat(states["sensor.fleet_bank_current"].State, 64)
	if sum := err == nil; sum != (missing == "0") {
		f.t.Errorf("the bank's current is %q with %s missing", states["sensor.fleet_bank_current"].State, missing)
	}
	// A Daly does not tell its capacity: with it nobody knows how much the others weigh.
	c, err := strconv.ParseFloat(states["sensor.fleet_bank_state_of_charge"].State, 64)
	if weighed := err == nil && c > 42 && c < 60; weighed != (missing == "1") {
		f.t.Errorf("the bank's state of charge is %q with %s missing", states["sensor.fleet_bank_state_of_charge"].State, missing)
	}
}

// TestManyKindsOfBatteriesInOneProcess takes 40 seconds, or as long as SUNWIRE_E2E_FLEET says.
func TestManyKindsOfBatteriesInOneProcess(t *testing.T) {
	length := 40 * time.Second
	if text := os.Getenv("SUNWIRE_E2E_FLEET"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	f := newFleet(t)
	f.run()
	defer func() {
		if t.Failed() {
			for _, m := range f.members {
				t.Logf("%s shows %q and has %g", m.id, f.ha.states()["sensor."+m.id+"_state_of_charge"].State, m.now)
			}
			t.Logf("sunwire:\n%s", f.sunwire.log)
		}
	}()
	within(t, 60*time.Second, "every device is there with its own state of charge", f.first)
	f.forgetPolls()
	f.ha.do("system_log/clear") // its broker was another before this test
	begin, looks := time.Now(), f.watch(length/3, "")
	f.bank("0")
	_ = f.trouble["daly"].Set(string(simulated.Unplug))
	looks += f.watch(length/3, "fleet_daly")
	if s := f.ha.states()["sensor.fleet_daly_state_of_charge"].State; s != "unavailable" {
		t.Errorf("the unplugged Daly shows %q", s)
	}
	f.bank("1")
	_ = f.trouble["daly"].Set(string(simulated.None))
	looks += f.watch(length/3, "fleet_daly")
	within(t, 30*time.Second, "every device shows its last state of charge", func() bool { return f.look("fleet_daly") })
	f.bank("0")
	t.Logf("%d looks at %d devices in %v", looks, len(f.members), time.Since(begin).Round(time.Second))
	for _, m := range f.members {
		if m.id == "fleet_daly" || m.driver == "vedirect" {
			continue // one was away, the other says by itself what it has
		}
		polls, median, worst := m.late(fleetInterval)
		t.Logf("%-16s %4d polls, off their time by %v at the median, %v at the worst", m.id, polls, median.Round(time.Millisecond), worst.Round(time.Millisecond))
		if worst > fleetInterval/2 {
			t.Errorf("a poll of %s was %v off its time", m.id, worst)
		}
	}
	if lines := f.ha.complaints(); len(lines) > 0 {
		t.Errorf("Home Assistant's log:\n%s", strings.Join(lines, "\n"))
	}
	f.leave()
}

// first tells whether every device shows what it has, whatever is there from before.
func (f *fleet) first() bool {
	states := f.ha.states()
	for _, m := range f.members {
		if _, right := m.could(states["sensor."+m.id+"_state_of_charge"].State); !right {
			return false
		}
	}
	return states != nil
}

// forgetPolls begins to count anew.
func (f *fleet) forgetPolls() {
	for _, m := range f.members {
		m.mu.Lock()
		clear(m.asked)
		m.mu.Unlock()
	}
}

// leave takes all of it off Home Assistant again, which other tests share.
func (f *fleet) leave() {
	f.t.Helper()
	f.configure("  []\n")
	_ = f.sunwire.cmd.Process.Signal(syscall.SIGHUP)
	within(f.t, 20*time.Second, "Home Assistant has forgotten the devices", func() bool {
		for _, e := range f.ha.entities() {
			if strings.Contains(e.ID, ".fleet_") {
				return false
			}
		}
		return true
	})
	f.sunwire.terminate(f.t)
}
