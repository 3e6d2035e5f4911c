package voltronic

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"sunwire/drivers"
	"sunwire/drivers/link"
	"sunwire/drivers/link/replay"
	"sunwire/drivers/link/simulated"
)

// heard is a line that notes what is asked, and on which some questions get lost once.
type heard struct {
	link.Transactor
	lost  []string
	asked []string
}

func (h *heard) Transact(ctx context.Context, r link.Request) ([]byte, error) {
	content, ok := unseal(r.Bytes)
	if !ok {
		return nil, errors.New("a request without its checksum")
	}
	h.asked = append(h.asked, string(content))
	if slices.Contains(h.lost, string(content)) && !slices.Contains(h.asked[:len(h.asked)-1], string(content)) {
		return nil, link.ErrNoReply
	}
	return h.Transactor.Transact(ctx, r)
}

// answers is a simulator by what is asked and answered in plain text; what is not there is refused, or not answered at all.
type answers struct {
	link.Simulator
	plain  map[string]string
	silent bool
}

func (a answers) Answer(request []byte) []byte {
	content, _ := unseal(request)
	switch body, known := a.plain[string(content)]; {
	case known:
		return seal([]byte("(" + body))
	case a.silent:
		return nil
	}
	return seal([]byte("(NAK"))
}

func look(t *testing.T, s link.Simulator, lost ...string) (drivers.Match, *heard, error) {
	t.Helper()
	c, err := simulated.New(link.Serial, s, simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{Transactor: c.(link.Transactor), lost: lost}
	m, err := PI30.Detect(t.Context(), h)
	return m, h, err
}

func TestLookingForAnInverterWritesNothingToIt(t *testing.T) {
	m, h, err := look(t, PI30.Simulate(nil, 0))
	if err != nil || m.Confidence != 100 || m.Descriptor.Serial != "92932004102443" || m.Descriptor.Model != "MKS2-5000" || m.Descriptor.Firmware == "" {
		t.Errorf("%+v, %v", m, err)
	}
	if h.asked[0] != "QPI" || len(h.asked) > 10 {
		t.Errorf("asked %q", h.asked)
	}
	for _, asked := range h.asked {
		if !strings.HasPrefix(asked, "Q") || slices.ContainsFunc(dialect30.table().Commands, func(c Command) bool {
			return len(c.Fields) == 0 && strings.HasPrefix(asked, c.Code)
		}) {
			t.Errorf("%s is no query", asked)
		}
	}
}

func TestARealInverterIsFoundThatDoesNotKnowEverything(t *testing.T) {
	text, err := os.ReadFile("../../testdata/frames/pi30/pip4048.txtar")
	if err != nil {
		t.Fatal(err)
	}
	recording, err := replay.File(text)
	if err != nil {
		t.Fatal(err)
	}
	m, h, err := look(t, recording)
	if err != nil || m.Descriptor.Serial != "9293333010501" || m.Confidence < 50 || m.Confidence > 99 {
		t.Errorf("%d %% of %q, %+v, %v", m.Confidence, h.asked, m.Descriptor, err)
	}
}

func TestOneLostQuestionDoesNotHideAnInverter(t *testing.T) {
	for _, lost := range []string{"QPI", "QPIGS", "QID"} {
		m, _, err := look(t, PI30.Simulate(nil, 0), lost)
		if err != nil || m.Confidence < 80 || m.Descriptor.Serial != "92932004102443" {
			t.Errorf("without the first %s: %d %%, %+v, %v", lost, m.Confidence, m.Descriptor, err)
		}
	}
}

func TestASilentLineIsSoonGivenUp(t *testing.T) {
	_, h, err := look(t, answers{silent: true})
	if !errors.Is(err, drivers.ErrNoReply) || len(h.asked) != opening {
		t.Errorf("asked %q: %v", h.asked, err)
	}
}

func TestAnotherProtocolIsNotTakenForPI30(t *testing.T) {
	for name, plain := range map[string]map[string]string{
		"says so":        {"QPI": "PI41", "QMOD": "B", "QID": "92932004102443"},
		"knows nothing":  {},
		"only its names": {"QID": "92932004102443", "QMN": "MKS2-5000"},
	} {
		if m, _, err := look(t, answers{plain: plain}); err == nil || errors.Is(err, drivers.ErrNoReply) {
			t.Errorf("%s: %d %%, %v", name, m.Confidence, err)
		}
	}
}

func TestAnInverterWithoutASerialNumberIsFoundAllTheSame(t *testing.T) {
	m, _, err := look(t, answers{plain: map[string]string{"QPI": "PI30", "QMOD": "B"}, silent: true})
	if err != nil || m.Confidence <= 0 || m.Confidence > 50 || m.Descriptor.Serial != "" {
		t.Errorf("%d %%, %+v, %v", m.Confidence, m.Descriptor, err)
	}
}

func TestALineThatIsGoneIsNoSilence(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	c, err := simulated.New(link.Serial, PI30.Simulate(nil, 0), simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := PI30.Detect(ctx, c); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
