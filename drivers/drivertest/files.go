package drivertest

import "fmt"

// files: the kernel's text needs no checksum, but it comes and goes with what it is about.
func (s *suite) files() {
	plain := s.simulated(model{})
	if plain == nil || !plain.onFiles() {
		return
	}
	dev := s.simulated(plain.state(middle, 0))
	if dev == nil {
		return
	}
	for _, q := range dev.queries {
		truth, err := dev.clean(q)
		if err != nil {
			s.fail("%s: the simulator's answer gives %v", q.Name, err)
			continue
		}
		for k, x := range dev.line.exchanges {
			for what, content := range map[string][]byte{
				"gone": nil, "empty": {}, "blank": []byte("\n"), "no number": []byte("x\n"), "cut off": x.reply[:len(x.reply)/2], "rubbish": {0xff, 0, '\n'},
			} {
				dev.line.listen(func(n int, _, reply []byte) []byte {
					if n == k {
						return content
					}
					return reply
				})
				got, err := dev.ask(q)
				what = fmt.Sprintf("%s is %s", x.request, what)
				s.noOther(q, what, got, truth)
				if err != nil && !reasoned(err) {
					s.fail("%s: %s: an error that the bridge does not know: %v", q.Name, what, err)
				}
				s.recovers(dev, q)
			}
		}
	}
}
