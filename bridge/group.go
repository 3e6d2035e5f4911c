package bridge

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sunwire/bridge/config"
	"sunwire/bridge/pipeline"
	"sunwire/bridge/status"
	"sunwire/drivers"
)

// group is what a device has in the place of a wire when it is made of others: its members. It is brought up to date where it is looked at,
// by publisher and page; the members only say that there is something new.
type group struct {
	bridge  *Bridge
	members []*member
	pace    time.Duration // of the quickest member: no news is more frequent

	mu    sync.Mutex // one look at the members at a time; taken before any device's lock
	blend *pipeline.Group
	now   []pipeline.Member // of each member

	why    []string  // each does not count, "" where it does; under the lock of the group's device
	turned time.Time // when that last changed
}

// member is a device, or a unit that it reports.
type member struct {
	id     string // as configured
	device *device
	unit   string

	shape  int   // of the device, when picks were made
	picks  []int // the cells of its unit that count
	serial string
	seen   time.Time
	why    string // it does not count; "": it does
}

// groupDriver is what stands for groups where a device has its driver.
const groupDriver = "group"

// makeGroup makes the device of a group of devices that are there already, or takes over the one that was.
func (b *Bridge) makeGroup(c config.Group, devices []*device, was *fleet) *device {
	cfg := config.Device{ID: c.ID, Name: c.Name, Area: c.Area, Driver: groupDriver, Identity: "id", Control: config.Off}
	cfg.Spec = &drivers.Driver{Name: groupDriver, Family: groupDriver, Class: drivers.Class(c.Kind)}
	cfg.Interval.Set, cfg.Slow.Set = true, true
	g := &group{bridge: b, blend: pipeline.NewGroup(), why: make([]string, len(c.Members))}
	for i, id := range c.Members {
		name, unit := config.SplitMember(id)
		at := slices.IndexFunc(devices, func(d *device) bool { return d.cfg.ID == name }) // there is one: the configuration was checked
		m := &member{id: id, device: devices[at], unit: unit, shape: -1}
		g.members = append(g.members, m)
		g.now = append(g.now, pipeline.Member{Name: strings.TrimSpace(m.device.cfg.Name + " " + strings.ReplaceAll(unit, "_", " "))})
		live := m.device.paces[drivers.Live]
		if i == 0 || live < g.pace {
			g.pace = live
		}
		cfg.Interval.D, cfg.MaxAge = max(cfg.Interval.D, live), max(cfg.MaxAge, m.device.cfg.MaxAge)
	}
	cfg.Slow.D = cfg.Interval.D
	if d := was.same(cfg); d != nil && d.group != nil && slices.EqualFunc(d.group.members, g.members, (*member).is) {
		return d
	}
	d := b.makeDevice(cfg)
	d.group = g
	return d
}

func (m *member) is(o *member) bool { return m.id == o.id && m.device == o.device }

// has reports whether d is a member.
func (g *group) has(d *device) bool {
	return g != nil && slices.ContainsFunc(g.members, func(m *member) bool { return m.device == d })
}

// refresh brings d, the device of the group, up to date with its members.
func (g *group) refresh(d *device, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	changed := false
	for i, m := range g.members {
		changed = m.look(g.blend, &g.now[i], now) || changed
	}
	problem := g.twins()
	if changed {
		problem = cmp.Or(problem, g.describe(d, now))
	}
	if problem != "" {
		for i := range g.now {
			g.now[i].There = false
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problem = problem
	if len(d.units) > 0 {
		u := d.units[0].Unit
		g.blend.Combine(u, g.now, now)
		for i, m := range g.members {
			if lacks := g.blend.Lacks(u, &g.now[i], now); m.why == "" && lacks != "" && problem == "" {
				m.why = "not known: " + lacks
			}
		}
	}
	g.judge(d, now)
}

// judge settles what the members' states make of d. d is locked.
func (g *group) judge(d *device, now time.Time) {
	var oldest time.Time
	for i, m := range g.members {
		if m.why != g.why[i] {
			g.why[i], g.turned = m.why, now
		}
		if g.now[i].There && (oldest.IsZero() || m.seen.Before(oldest)) {
			oldest = m.seen
		}
	}
	online := !oldest.IsZero()
	if online {
		d.liveSeen = oldest
	}
	if online != d.link.up || d.link.since.IsZero() {
		d.link = linkState{up: online, since: now}
	}
	d.online, d.silent = online, !online
}

// look takes in how the member is now. It reports whether there may be other values than before.
func (m *member) look(g *pipeline.Group, to *pipeline.Member, now time.Time) (changed bool) {
	d := m.device
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.unit(m.unit)
	if changed = d.shape != m.shape; changed {
		m.shape, m.picks, m.serial = d.shape, m.picks[:0], ""
		if u != nil {
			m.serial = Serial(u.Descriptor.Serial)
			for i := range u.Cells {
				if g.Counts(&u.Cells[i].Entity) {
					m.picks = append(m.picks, i)
				}
			}
		}
	}
	to.Cells = to.Cells[:0]
	for _, i := range m.picks {
		to.Cells = append(to.Cells, u.Cells[i])
	}
	m.seen, m.why = d.liveSeen, d.away(u, now)
	if m.unit != "" && u != nil {
		m.seen = u.seen
	}
	if m.why == "" && len(m.picks) == 0 {
		m.why = d.batteryless()
	}
	to.Known, to.There = len(m.picks) > 0, m.why == ""
	return changed
}

// away is why nothing that d said counts now, "" where it does. d is locked.
func (d *device) away(u *unit, now time.Time) string {
	var why string
	switch {
	case d.problem != "":
		return "blocked: " + d.problem
	case !d.settled:
		why = "never seen"
	case u == nil:
		return "not reported by " + d.cfg.ID
	case d.present && d.there(u) && now.Sub(d.liveSeen) <= d.grace():
		return ""
	default:
		why = "no answer"
	}
	if trouble := d.trouble(); trouble != noError {
		why += ": " + trouble
	}
	return why
}

// batteryless is said of a member without any value that a bank could use. d is locked.
func (d *device) batteryless() string {
	if len(d.units) < 2 {
		return "no battery: it has none of the values"
	}
	return fmt.Sprintf("no battery itself, but it reports some: write %s/%s and so on", d.cfg.ID, d.units[1].name)
}

// twins says which two members are one battery by their serial number: it would be counted twice.
func (g *group) twins() string {
	for i, m := range g.members {
		for j, o := range g.members[:i] {
			if m.serial != "" && m.serial == o.serial {
				return fmt.Sprintf("%s and %s have the same serial number %s, so they are one battery that would count twice: nothing of the group is published; remove one of them from its members",
					g.now[j].Name, g.now[i].Name, m.serial)
			}
		}
	}
	return ""
}

// describe announces d with what its members can tell, where that is something new. The text is what is in the way.
func (g *group) describe(d *device, now time.Time) string {
	es := g.blend.Entities(g.now)
	if len(es) == 0 {
		return ""
	}
	q := drivers.Query{Name: "members", Pace: drivers.Live, Keys: keysOf(es)}
	desc := drivers.Descriptor{
		Manufacturer: "sunwire", Model: "Battery bank of " + strconv.Itoa(len(g.members)), Entities: es, Queries: []drivers.Query{q},
	}
	d.mu.Lock()
	same := d.present && slices.Equal(keysOf(d.kept.Descriptor.Entities), q.Keys)
	d.mu.Unlock()
	if same {
		return ""
	}
	if err := g.bridge.meet(d, desc); err != nil {
		return err.Error()
	}
	g.bridge.took(d, q, nil, now) // it is answered by whoever is there
	g.bridge.log.Info("group found", "device", d.cfg.ID, "members", len(g.members))
	return ""
}

func keysOf(es []drivers.Entity) (keys []string) {
	for i := range es {
		keys = append(keys, es[i].Key)
	}
	return keys
}

// held: a group says nothing before its quickest member can have had news, unless somebody has gone or come. Its device is locked.
func (g *group) held(sent, now time.Time) bool {
	return !sent.Before(g.turned) && now.Sub(sent) < g.pace*3/4
}

// GroupDiagnostics are the values that the bridge adds to a group; they hang on the bridge alone.
func GroupDiagnostics() []drivers.Entity {
	return []drivers.Entity{
		{Key: "members_missing", Name: "Members missing", Quantity: drivers.Count, Category: drivers.Diagnostic},
		{Key: "missing", Platform: drivers.Label, Attribute: "members_missing"},
		{Key: "last_error", Name: "Last error", Platform: drivers.Label, Category: drivers.Diagnostic},
	}
}

// withDiagnostics adds those to the document of d, which is locked.
func (g *group) withDiagnostics(b []byte, d *device) []byte {
	b = b[:len(b)-1]
	missing := g.missing()
	b = strconv.AppendInt(appendKey(b, "members_missing"), int64(len(missing)), 10)
	b = append(appendKey(b, "missing"), encode(missing)...)
	b = drivers.Text(clip(g.trouble(d))).AppendJSON(appendKey(b, "last_error"), 0)
	return append(b, '}')
}

// trouble is what is wrong at present, in words. d is locked.
func (g *group) trouble(d *device) string {
	switch {
	case d.problem != "":
		return d.problem
	case len(g.missing()) > 0:
		return strings.Join(g.missing(), "; ")
	}
	return noError
}

// missing is who does not count, and why. The group's device is locked.
func (g *group) missing() []string {
	who := []string{}
	for i, why := range g.why {
		if why != "" {
			who = append(who, g.now[i].Name+": "+why)
		}
	}
	return who
}

// snapshot adds to out what a group has. Its device is locked, the members are not.
func (g *group) snapshot(out *status.Device, d *device) {
	if trouble := g.trouble(d); trouble != noError {
		out.LastError = trouble
	}
	for i, m := range g.members {
		out.Members = append(out.Members, status.Member{ID: m.id, Name: g.now[i].Name, Missing: g.why[i]})
	}
}
