package replay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/all"
	"sunwire/drivers/link"
	"sunwire/drivers/link/replay"
	"sunwire/drivers/link/simulated"
	"sunwire/drivers/link/stream"
)

func parsed(t *testing.T, text string) *replay.Recording {
	t.Helper()
	r, err := replay.File([]byte(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return r
}

func answers(t *testing.T, r *replay.Recording, request string, want ...string) {
	t.Helper()
	for n, w := range want {
		got := r.Answer([]byte(request))
		if string(got) != w || (got == nil) != (w == "") {
			t.Errorf("%q, time %d: got %q, want %q", request, n+1, got, w)
		}
		for i := range got {
			got[i] = 0 // what was handed out is the driver's
		}
	}
}

func TestRequestsAreAnsweredInTheOrderRecorded(t *testing.T) {
	r := parsed(t, `
		# an inverter
		> 51 31 0d   # Q1
		< 28 41      # its reply goes on
		<42 0d
		> 51320d
		> 51 31 0d
		> 51 31 0d
		< 28 43 0d
	`)
	answers(t, r, "Q1\r", "(AB\r", "", "(C\r", "(C\r", "(C\r")
	answers(t, r, "Q2\r", "", "")
	answers(t, r, "Q3\r", "")
	if r.Push() != nil {
		t.Error("it says something unasked")
	}
}

func TestASectionOfAFileIsRead(t *testing.T) {
	answers(t, parsed(t, "device: x\n-- sample.json --\n{}\n-- exchange --\n> 51\n< 52\n"), "Q", "R")
	if _, err := replay.File([]byte("-- sample.json --\n{}\n")); err == nil || !strings.Contains(err.Error(), "-- exchange --") {
		t.Error(err)
	}
}

func TestWhatIsNoRecordingIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"> 5":          "odd length",
		"> 5x":         "invalid byte",
		"51 52":        "begins neither with > nor with <",
		"> 51\n= 52":   "begins neither with > nor with <",
		"> 51\n<< 52":  "invalid byte",
		"> 51\nhex=52": "begins neither",
	} {
		r, err := replay.File([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", text, r, err)
		}
	}
}

func TestWhatWasSaidUnaskedIsSaidAgain(t *testing.T) {
	r, err := replay.File([]byte("< 51\n< 52 53\n"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, b := range r.Push() {
		if string(b) != "QRS" {
			t.Fatalf("said %q", b)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("said %d times", n)
	}
}

// What a link writes at debug level is a recording as it stands.
func TestADebugLogIsARecording(t *testing.T) {
	for _, handler := range []func(io.Writer, *slog.HandlerOptions) slog.Handler{
		func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
		func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
	} {
		var text bytes.Buffer
		log := slog.New(handler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
		here, there := net.Pipe()
		c := stream.New(link.Serial, here, stream.Options{Name: "serial:/dev/a b", Log: log})
		go func() {
			b := make([]byte, 10)
			for _, reply := range []string{"R#\r", "s"} {
				n, _ := there.Read(b)
				_, _ = there.Write([]byte(reply)[:min(n, len(reply))])
			}
		}()
		frame := func(b []byte, _ bool) (int, []byte, error) { return 0, b, nil }
		for _, request := range []string{"Q1\r", "?"} {
			if _, err := c.Transact(t.Context(), link.Request{Bytes: []byte(request), Frame: frame, First: 1e9, Gap: 1e9}); err != nil {
				t.Fatal(err)
			}
		}
		log.Info("link is down", "port", "serial:/dev/a b", "error", "hex")
		log.Debug("# thrown away", "port", "serial:/dev/a b", "hex", "51 52")
		_ = c.Close()
		r := parsed(t, text.String())
		answers(t, r, "Q1\r", "R#\r")
		answers(t, r, "?", "s")
	}
	answers(t, parsed(t, `
2026-11-23 15:08:51 DBG > port=serial:/dev/x hex="51 31 0d"
2026-11-23 15:08:51 DBG # thrown away port=serial:/dev/x hex="51 50 0d"
2026-11-23 15:08:51 DBG < port="serial:/dev/x y" hex="28 41 0d"
2026-11-23 15:08:51 INF link is back port=x
`), "Q1\r", "(A\r")
}

func TestEveryRecordingPlaysThroughItsDriver(t *testing.T) {
	played := 0
	for _, d := range all.Drivers() {
		files, err := filepath.Glob("../../../testdata/frames/" + d.Name + "/*.txtar")
		if described := d.Name == "httpjson" || d.Name == "mqttin"; described { // what comes is what its user says
			continue
		}
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no recording: %v", d.Name, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if n := play(t, d, parsed(t, string(text))); n == 0 {
				t.Errorf("%s gives no value", file)
			} else {
				played++
			}
		}
	}
	if played < 5 {
		t.Errorf("only %d recordings were played", played)
	}
}

// play reads all that the device of a recording gives: how many values.
func play(t *testing.T, d drivers.Driver, r *replay.Recording) (values int) {
	t.Helper()
	c, err := simulated.New(d.Links[0], r, simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var options any
	if d.Config != nil {
		options = d.Config()
	}
	dev, err := d.Open(c, 0, options)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := dev.Describe(t.Context())
	if err != nil && !errors.Is(err, drivers.ErrNoReply) {
		t.Fatal(err)
	}
	if to, ok := dev.(drivers.Streamer); ok {
		return listened(t, to)
	}
	queries := desc.Queries
	for _, u := range desc.Units {
		queries = append(queries, u.Queries...)
	}
	if err != nil { // a recording without a serial number: what it has can be read all the same
		for _, name := range d.Commands() {
			queries = append(queries, drivers.Query{Name: name})
		}
	}
	for _, q := range queries {
		rs, err := dev.Poll(t.Context(), q)
		if err != nil && !errors.Is(err, drivers.ErrNoReply) && !errors.Is(err, drivers.ErrUnsupported) {
			t.Errorf("%s: %v", q.Name, err)
		}
		for _, reading := range rs {
			values += len(reading.Sample)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dev.Poll(ctx, queries[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	return values
}

// listened hears what a device says by itself, until it has given something a few times.
func listened(t *testing.T, to drivers.Streamer) (values int) {
	t.Helper()
	heard := 0
	for reading, err := range to.Stream(t.Context()) {
		if err != nil && !errors.Is(err, drivers.ErrFrame) { // a slice ends in the middle of something
			t.Error(err)
		}
		values += len(reading.Sample)
		if heard++; heard > 4 {
			break
		}
	}
	return values
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"> 51 31\n< 28 41 0d # a reply\n", "<", ">", "> ", "#", "é 51", "time=x level=DEBUG msg=> port=x hex=51\n",
		`{"time":"x","level":"DEBUG","msg":"<","port":"x","hex":"51 50 0d"}`, "-- exchange --\n> 51\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := replay.File(text)
		if (r == nil) == (err == nil) {
			t.Errorf("%v, %v", r, err)
		}
		if err == nil {
			for range 3 {
				_ = r.Answer(text)
				_ = r.Answer([]byte("Q"))
			}
		}
	})
}
