package bluez

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// client is a program on the bus.
type client struct {
	fake   *Fake
	rules  []map[string]string
	out    []*dbus.Message // to be written, oldest first
	more   chan struct{}
	serial uint32
}

// Serve is the bus for whoever is at the other end of conn, until that is closed or the fake ends.
func (f *Fake) Serve(conn io.ReadWriteCloser) {
	c := &client{fake: f, more: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(f.ctx)
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer stop()
	in := bufio.NewReader(conn)
	if err := welcome(in, conn); err != nil {
		_ = conn.Close()
		return
	}
	f.mu.Lock()
	f.clients[c] = true
	f.mu.Unlock()
	defer f.leave(c)
	f.own.Go(func() {
		c.write(ctx, conn)
		_ = conn.Close()
	})
	for {
		m, err := dbus.DecodeMessage(in)
		if err != nil {
			_ = conn.Close()
			return
		}
		f.mu.Lock()
		c.handle(m)
		f.mu.Unlock()
	}
}

// leave forgets what a client has asked for.
func (f *Fake) leave(c *client) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.clients, c)
	for _, a := range f.adapters {
		if a.scanning[c] {
			a.stopScan(c)
		}
	}
	for _, d := range f.devices {
		for _, it := range d.characteristics() {
			delete(it.notifying, c)
		}
	}
}

// welcome is the server's part of the D-Bus's log-in: everybody is who they say they are.
func welcome(in *bufio.Reader, out io.Writer) error {
	if b, err := in.ReadByte(); err != nil || b != 0 {
		return errors.Join(errors.New("no D-Bus"), err)
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		reply := "ERROR"
		switch words := strings.Fields(line); {
		case len(words) == 0:
		case words[0] == "BEGIN":
			return nil
		case words[0] == "AUTH" && len(words) == 1:
			reply = "REJECTED EXTERNAL"
		case words[0] == "AUTH":
			reply = "OK 0123456789abcdef0123456789abcdef"
		}
		if _, err := io.WriteString(out, reply+"\r\n"); err != nil {
			return err
		}
	}
}

func (c *client) handle(m *dbus.Message) {
	at, _ := m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	face, _ := m.Headers[dbus.FieldInterface].Value().(string)
	member, _ := m.Headers[dbus.FieldMember].Value().(string)
	to, _ := m.Headers[dbus.FieldDestination].Value().(string)
	done := func(err error, values ...any) { c.reply(m, err, values...) }
	switch {
	case m.Type != dbus.TypeMethodCall:
	case to == busFace:
		c.bus(member, m.Body, done)
	case to == bluezName:
		c.fake.handle(c, at, face+"."+member, m.Body, done)
	default:
		done(dbus.Error{Name: "org.freedesktop.DBus.Error.ServiceUnknown", Body: []any{"nobody is called " + to}})
	}
}

// bus answers for the bus itself.
func (c *client) bus(member string, args []any, done func(error, ...any)) {
	var rule string
	if len(args) > 0 {
		rule, _ = args[0].(string)
	}
	switch member {
	case "Hello":
		c.fake.names++
		done(nil, fmt.Sprintf(":1.%d", c.fake.names))
	case "AddMatch":
		c.rules = append(c.rules, parse(rule))
		done(nil)
	case "RemoveMatch":
		wanted := fmt.Sprint(parse(rule))
		i := slices.IndexFunc(c.rules, func(r map[string]string) bool { return fmt.Sprint(r) == wanted })
		if i < 0 {
			done(dbus.Error{Name: "org.freedesktop.DBus.Error.MatchRuleNotFound", Body: []any{rule}})
			return
		}
		c.rules = slices.Delete(c.rules, i, i+1)
		done(nil)
	default:
		done(unknown(member))
	}
}

// parse takes a match rule apart: key='value' with commas between.
func parse(rule string) map[string]string {
	keys := map[string]string{}
	for part := range strings.SplitSeq(rule, ",") {
		key, value, _ := strings.Cut(part, "=")
		keys[key] = strings.Trim(value, "'")
	}
	return keys
}

// wants reports whether one of the client's rules lets a signal through.
func (c *client) wants(at dbus.ObjectPath, face, member string, body []any) bool {
	sender := bluezName
	if face == busFace {
		sender = busFace
	}
	var first string
	if len(body) > 0 {
		switch v := body[0].(type) {
		case string:
			first = v
		case dbus.ObjectPath:
			first = string(v)
		}
	}
	is := map[string]string{"type": "signal", "sender": sender, "path": string(at), "interface": face, "member": member, "arg0": first, "arg0path": first}
	return slices.ContainsFunc(c.rules, func(rule map[string]string) bool {
		for key, value := range rule {
			if key == "path_namespace" {
				if string(at) != value && !strings.HasPrefix(string(at), value+"/") {
					return false
				}
			} else if is[key] != value {
				return false
			}
		}
		return true
	})
}

// emit sends a signal to whoever wants it.
func (f *Fake) emit(at dbus.ObjectPath, face, member string, body ...any) {
	for c := range f.clients {
		if c.wants(at, face, member, body) {
			c.send(&dbus.Message{Type: dbus.TypeSignal, Flags: dbus.FlagNoReplyExpected, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldPath: dbus.MakeVariant(at), dbus.FieldInterface: dbus.MakeVariant(face), dbus.FieldMember: dbus.MakeVariant(member),
			}})
		}
	}
}

func (f *Fake) changed(at dbus.ObjectPath, face string, p properties, invalid ...string) {
	if invalid == nil {
		invalid = []string{}
	}
	f.emit(at, propertiesFace, "PropertiesChanged", face, p, invalid)
}

func (f *Fake) removed(at dbus.ObjectPath, face string) {
	f.emit("/", managerFace, "InterfacesRemoved", at, []string{face})
}

func (c *client) reply(to *dbus.Message, err error, values ...any) {
	if to.Flags&dbus.FlagNoReplyExpected != 0 {
		return
	}
	m := &dbus.Message{Type: dbus.TypeMethodReply, Body: values, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(to.Serial()),
	}}
	if err != nil {
		var said dbus.Error
		if !errors.As(err, &said) {
			said = dbus.Error{Name: "org.bluez.Error.Failed", Body: []any{err.Error()}}
		}
		m.Type, m.Body = dbus.TypeError, said.Body
		m.Headers[dbus.FieldErrorName] = dbus.MakeVariant(said.Name)
	}
	c.send(m)
}

// send queues m: what is said to a client arrives in the order in which it was said.
func (c *client) send(m *dbus.Message) {
	sender := dbus.MakeVariant(":1.0")
	if face, _ := m.Headers[dbus.FieldInterface].Value().(string); face == busFace {
		sender = dbus.MakeVariant(busFace)
	}
	m.Headers[dbus.FieldSender] = sender
	if len(m.Body) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(m.Body...))
	}
	c.out = append(c.out, m)
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *client) write(ctx context.Context, to io.Writer) {
	for {
		c.fake.mu.Lock()
		out := c.out
		c.out = nil
		c.fake.mu.Unlock()
		for _, m := range out {
			var b bytes.Buffer
			if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
				return
			}
			c.serial++
			binary.LittleEndian.PutUint32(b.Bytes()[8:], c.serial) // the library numbers only what its own connections send
			if _, err := to.Write(b.Bytes()); err != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-c.more:
		}
	}
}
