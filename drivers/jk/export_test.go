package jk

import "sunwire/drivers"

// Dialect is the driver with that dialect first, which is the one its simulator speaks, by examples in hexadecimal.
func Dialect(name string, examples map[string]string) drivers.Driver {
	return bluetooth("jk_ble_"+name, func() []dialect {
		all := dialects()
		for i := range all {
			if all[i].name == name {
				all[i].examples = examples
				all[0], all[i] = all[i], all[0]
			}
		}
		return all
	})
}
