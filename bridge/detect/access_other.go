//go:build !unix

package detect

// denied shows only by opening on this system.
func (m *machine) denied(*Port) *Problem { return nil }
