package bridge

import (
	"maps"
	"strings"
)

// Serial is s where it can tell one device from another, and "" where it is a dummy: empty, all the same character, counting up or
// down, or a word that vendors leave in.
func Serial(s string) string {
	s = strings.TrimSpace(s)
	switch strings.ToLower(s) {
	case "", "unknown", "n/a", "na", "none", "null", "serial", "serialnumber", "default", "test":
		return ""
	}
	same, up, down := true, true, true
	for i := 1; i < len(s); i++ {
		step := int(s[i]) - int(s[i-1])
		same = same && step == 0
		up = up && (step == 1 || s[i-1] == '9' && s[i] == '0')
		down = down && (step == -1 || s[i-1] == '0' && s[i] == '9')
	}
	if len(s) < 4 || same || up || down {
		return ""
	}
	return s
}

// slug keeps what may stand in a discovery node and a unique id.
func slug(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, s)
}

// owner is the id of the device that has uid: d itself, unless another one was there before. It takes no device's lock, since it is
// called under one.
func (b *Bridge) owner(uid string, d *device) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.owners[uid] == "" {
		b.owners[uid] = d.cfg.ID
	}
	maps.DeleteFunc(b.twins, func(_, twin string) bool { return twin == d.cfg.ID })
	if first := b.owners[uid]; first != d.cfg.ID {
		b.twins[first] = d.cfg.ID
	}
	return b.owners[uid]
}

// twinOf says that another device has d's serial number; "" where none has.
func (b *Bridge) twinOf(d *device) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if twin := b.twins[d.cfg.ID]; twin != "" {
		return "the device " + twin + " has the same serial number: only this one is published; set identity: id for one of them"
	}
	return ""
}
