package voltronic

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// capture is a reply that somebody's inverter sent, and what it means by mpp-solar's tables; nil: nothing.
type capture struct {
	command string
	reply   []byte
	means   []string
}

// captures reads what testdata has of a dialect: replies, and requests by command.
func captures(t testing.TB, p *Protocol) (replies []capture, requests map[string]string, commands []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "frames", "voltronic", p.Name+".captures"))
	if err != nil {
		t.Fatal(err)
	}
	requests = map[string]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		switch words[0] {
		case "=":
			commands = append(commands, words[1])
		case ">":
			requests[words[1]] = words[2]
		case "<":
			c := capture{command: words[1]}
			if c.reply, err = hex.DecodeString(words[2]); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(words[3]), &c.means); err != nil {
				t.Fatal(err)
			}
			replies = append(replies, c)
		}
	}
	return replies, requests, commands
}

// captured are the replies to PI30's queries.
func captured(t testing.TB) []capture {
	replies, _, _ := captures(t, dialect30.table())
	return slices.DeleteFunc(replies, func(c capture) bool { return c.means == nil || c.means[0] == "ACK" || c.means[0] == "NAK" })
}

// accepted are the differences from mpp-solar's tables, by command, and why.
var accepted = map[string]string{
	"pi17 BATS":       "three states of charge, which the head of mpp-solar has as such, are voltages of 1, 2 and 2 V in 0.16.56 (its option 10 raises there: B13)",
	"pi17infini BATS": "as pi17",
}

// foreign are captures that another inverter than the dialect's has sent: what does not fit is implausible there, and not published.
var foreign = map[string]string{"pi30mst QPIGS2": "of PI30MAX: its PV power stands where the battery's voltage would"}

func TestEveryCaptureMeansWhatTheTablesSay(t *testing.T) {
	compared, values, differences := 0, 0, 0
	for _, p := range tables() {
		replies, _, _ := captures(t, p)
		for _, c := range replies {
			compared++
			decoded, err := p.decode(c.command, c.reply)
			var got []string
			for _, d := range decoded {
				got = append(got, d.Raw.Format(-1))
				if !d.Entity.Plausible(d.Value) && foreign[p.Name+" "+c.command] == "" {
					t.Errorf("%s %s: a real inverter's %s = %s is outside its limits", p.Name, c.command, d.Entity.Key, d.Value.Format(-1))
				}
			}
			values += len(got)
			if slices.Equal(got, c.means) && (err == nil) == (c.means != nil) {
				continue
			}
			reason := accepted[p.Name+" "+c.command]
			if reason == "" {
				t.Errorf("%s %s %q: %v\ngot  %q\nwant %q", p.Name, c.command, c.reply, err, got, c.means)
				continue
			}
			differences++
			t.Logf("accepted: %s %s: %s", p.Name, c.command, reason)
		}
	}
	t.Logf("%d frames of %d dialects compared, %d values, %d accepted differences", compared, len(tables()), values, differences)
	if compared < 900 {
		t.Errorf("only %d frames", compared)
	}
}

// corrected are requests that mpp-solar builds with the length of another command.
var corrected = map[string]string{
	"pi18lvx ACCT": "5e50303037414343540d",
	"pi18lvx ACLT": "5e5030303741434c540d",
	"pi18lvx FWS":  "5e503030364657530d",
	"pi18sv ACCT":  "5e5030303741434354b7340d",
	"pi18sv ACLT":  "5e5030303741434c54a70b0d",
	"pi18sv FWS":   "5e50303036465753c5430d",
}

func TestEveryRequestIsWhatInvertersUnderstand(t *testing.T) {
	compared := 0
	for _, p := range tables() {
		_, requests, _ := captures(t, p)
		for command, want := range requests {
			compared++
			c, _ := p.find(command)
			if c == nil {
				t.Errorf("%s has no command %s", p.Name, command)
				continue
			}
			if right := corrected[p.Name+" "+command]; right != "" {
				want = right
			}
			if got := hex.EncodeToString(p.Wire.request(c, command)); got != want {
				t.Errorf("%s %s: %s, want %s", p.Name, command, got, want)
			}
		}
	}
	t.Logf("%d requests compared, %d of them corrected", compared, len(corrected))
	if compared < 320 {
		t.Errorf("only %d requests", compared)
	}
}

func TestEveryCommandIsThere(t *testing.T) {
	count := 0
	for _, p := range tables() {
		_, _, commands := captures(t, p)
		for _, code := range commands {
			count++
			if c, _ := p.find(code); c == nil {
				t.Errorf("%s does not know %s", p.Name, code)
			}
		}
	}
	t.Logf("%d commands of %d dialects", count, len(tables()))
	if count < 560 {
		t.Errorf("only %d commands", count)
	}
}

func TestAKeyMeansTheSameInAllDialects(t *testing.T) {
	means := map[string]string{}
	for _, p := range tables() {
		for i := range p.Commands {
			for _, e := range p.Commands[i].entities(p) {
				is := fmt.Sprint(e.Platform, e.Quantity.At(0))
				if was := means[e.Key]; was != "" && was != is {
					t.Errorf("%s %s: %s is %s, elsewhere %s", p.Name, p.Commands[i].Code, e.Key, is, was)
				}
				means[e.Key] = is
			}
		}
	}
}

func TestNoDamagedCaptureGivesAnotherValue(t *testing.T) {
	for _, p := range tables() {
		replies, _, _ := captures(t, p)
		for _, c := range replies {
			check := func(what string, b []byte) {
				if decoded, err := p.decode(c.command, b); err == nil && decoded[0].Entity != &replyEntity {
					t.Errorf("%s %s %s: %q: %v", p.Name, c.command, what, b, decoded)
				}
			}
			for i := range c.reply {
				check("cut off", c.reply[:i])
				b := slices.Clone(c.reply)
				b[i] ^= 4 // no flip of this bit makes an escaped byte of a checksum a plain one
				check("flipped", b)
			}
			check("twice", slices.Concat(c.reply, c.reply))
			check("an echo", p.Wire.request(nil, c.command))
		}
	}
}

func FuzzEveryDialect(f *testing.F) {
	for i, p := range tables() {
		replies, _, _ := captures(f, p)
		for _, c := range replies {
			f.Add(uint8(i), c.command, c.reply)
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, command string, reply []byte) {
		p := tables()[int(n)%len(tables())]
		for _, b := range [][]byte{reply, p.Wire.reseal(reply)} {
			decoded, err := p.decode(command, b)
			if (err == nil) == (len(decoded) == 0) {
				t.Fatalf("%s %q %q: %d lines, %v", p.Name, command, b, len(decoded), err)
			}
			for _, d := range decoded {
				if d.Entity == nil || d.Entity.Key == "" || d.Raw.Absent() {
					t.Fatalf("%s %q %q: %+v", p.Name, command, b, d)
				}
			}
			c, _ := p.find(command)
			if skip, frame, err := p.Wire.framer(c, func() {})(b, true); skip < 0 || skip > len(b) || frame != nil && err != nil {
				t.Fatalf("%s %q %q: %d, %q, %v", p.Name, command, b, skip, frame, err)
			}
		}
		_ = p.simulate(nil, 0).Answer(reply)
	})
}
