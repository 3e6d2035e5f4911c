package discoverytest

import "slices"

// sensorRules compares unit, device class, state class, options and precision with one another.
func (c *checker) sensorRules(key string, m map[string]any) {
	class, state := text(m["device_class"]), text(m["state_class"])
	unit := m["unit_of_measurement"]
	if class == "enum" || m["options"] != nil {
		c.enum(key, m)
		return
	}
	if right, ok := c.rewritten[text(unit)]; ok {
		c.fail(key, "unit %v is written %s", unit, right)
	}
	if unit == "" {
		c.fail(key, "an empty unit: leave it out")
	}
	sc, known := c.sensor[class]
	if known && sc.Units != nil && !allowed(sc.Units, unit) {
		c.fail(key, "unit %v does not belong to device class %s", unit, class)
	}
	if known && state != "" && !slices.Contains(sc.StateClasses, state) {
		c.fail(key, "state class %s does not belong to device class %s", state, class)
	}
	if units := c.stateClassUnits[state]; units != nil && !allowed(units, unit) {
		c.fail(key, "unit %v does not belong to state class %s", unit, state)
	}
	if state != "" && !slices.Contains(c.stateClasses, state) {
		c.fail(key, "unknown state class %s", state)
	}
	c.precision(key, m, known && !sc.Numeric)
}

// enum: a number's attributes on a text are refused, and so is a text's options without the class.
func (c *checker) enum(key string, m map[string]any) {
	options, _ := m["options"].([]any)
	if m["device_class"] != "enum" || len(options) == 0 {
		c.fail(key, "options and device class enum go together")
	}
	for _, k := range []string{"state_class", "unit_of_measurement", "suggested_display_precision"} {
		if m[k] != nil {
			c.fail(key, "an enum has no %s", k)
		}
	}
	seen := map[any]bool{}
	for _, o := range options {
		if s := text(o); s == "" || len(s) > 255 || seen[o] {
			c.fail(key, "option %q is empty, too long or there twice", o)
		}
		seen[o] = true
	}
}

func (c *checker) precision(key string, m map[string]any, isText bool) {
	v, there := m["suggested_display_precision"]
	f, ok := v.(float64)
	switch {
	case there && (!ok || f < 0 || f > 10 || f != float64(int(f))):
		c.fail(key, "precision %v is not a small whole number", v)
	case there && isText:
		c.fail(key, "a text has no precision")
	case !there && (m["unit_of_measurement"] != nil || m["state_class"] != nil):
		c.fail(key, "a number without precision: Home Assistant picks its own")
	}
}

func allowed(units []*string, unit any) bool {
	return slices.ContainsFunc(units, func(u *string) bool { return u == nil && unit == nil || u != nil && unit == *u })
}
