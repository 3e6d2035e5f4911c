package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

var (
	prefixForm = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	idForm     = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	keyForm    = regexp.MustCompile(`^[a-z0-9_]+$`)
)

// check finds what the form of the keys alone does not show, and fills in what follows from other keys.
func (d *decoder) check(c *Config) {
	d.checkMQTT(&c.MQTT)
	d.checkHTTP(&c.HTTP)
	if c.StateDir == "" {
		d.fail("state_dir", "is empty; write a folder that sunwire may write to, such as /var/lib/sunwire")
	}
	for i := range c.Devices {
		d.checkDevice(d.places[i], &c.Devices[i], &c.MQTT)
	}
	d.compare(c.Devices)
	d.checkGroups(c)
}

func path(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

func (d *decoder) checkMQTT(m *MQTT) {
	secure := false
	for i, u := range m.URL {
		at := "mqtt.url"
		if len(m.URL) > 1 {
			at = path(at, i)
		}
		secure = d.checkBroker(at, u) || secure
	}
	if len(m.URL) == 0 {
		d.fail("mqtt.url", "is an empty list; write an address such as mqtt://127.0.0.1:1883")
	}
	for _, f := range []struct{ key, file string }{{"mqtt.ca", m.CA}, {"mqtt.cert", m.Cert}, {"mqtt.key", m.Key}} {
		if f.file != "" && !secure {
			d.fail(f.key, "is for an encrypted connection, and mqtt.url has none: write mqtts:// there")
		}
	}
	switch {
	case m.Cert != "" && m.Key == "":
		d.fail("mqtt.cert", "needs mqtt.key, the file with its key")
	case m.Key != "" && m.Cert == "":
		d.fail("mqtt.key", "needs mqtt.cert, the file with its certificate")
	}
	if !prefixForm.MatchString(m.TopicPrefix) {
		d.fail("mqtt.topic_prefix", "%s cannot be the first part of a topic: write letters, digits, _ and - only, such as sunwire", d.quote("mqtt.topic_prefix"))
	}
	if wrong := topic(m.DiscoveryPrefix); wrong != "" {
		d.fail("mqtt.discovery_prefix", "%s %s; Home Assistant's own is homeassistant", d.quote("mqtt.discovery_prefix"), wrong)
	}
}

// checkBroker checks one address and fills in the port.
func (d *decoder) checkBroker(at string, u *url.URL) (secure bool) {
	if u == nil { // it was no address at all, and that was said
		return true
	}
	port := map[string]string{"mqtt": "1883", "mqtts": "8883"}[u.Scheme]
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case port == "":
		d.fail(at, "%s begins with none of the known words; %s", d.quote(at), instead(u.Scheme+"://", []string{"mqtt://", "mqtts://"}))
		return true
	case u.User != nil:
		d.fail(at, "%s has user and password in it; write them as mqtt.username and mqtt.password, where they are kept secret", d.quote(at))
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		d.fail(at, "%s has more than a host and a port; write %s://host:%s", d.quote(at), u.Scheme, port)
	case u.Hostname() == "" || u.Port() != "" && (err != nil || n == 0):
		d.fail(at, "%s is not a host and a port from 1 to 65535; write %s://host:%s", d.quote(at), u.Scheme, port)
	case u.Port() == "":
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	u.Path = ""
	return u.Scheme == "mqtts"
}

func (d *decoder) checkHTTP(h *HTTP) {
	if h.Listen == "" {
		return
	}
	host, port, err := net.SplitHostPort(h.Listen)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		d.fail("http.listen", `%s is not an address with a port; write 127.0.0.1:8099, or "" for no page`, d.quote("http.listen"))
		return
	}
	ip, err := netip.ParseAddr(host)
	loopback := host == "localhost" || err == nil && ip.Unmap().IsLoopback()
	if guarded := h.Password != "" || d.failed("http.password") || d.env.AddOn; !loopback && !guarded {
		d.fail("http.listen", "%s can be reached from other machines: write http.password too, or 127.0.0.1:%s", d.quote("http.listen"), port)
	}
}

// topic says why text cannot be a topic, "" if it can.
func topic(text string) string {
	switch {
	case text == "":
		return "is empty"
	case strings.ContainsAny(text, "+#"):
		return "has a wildcard (+ or #) in it"
	case strings.HasPrefix(text, "/"), strings.HasSuffix(text, "/"), strings.Contains(text, "//"):
		return "has an empty part: no / at the ends, nor two together"
	case strings.HasPrefix(text, "$"):
		return "begins with $, which belongs to the broker"
	case len(text) > 1000, strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return "is too long or has spaces in it"
	}
	return ""
}
