//go:build !unix

package i2c

import "os"

// fileLock is nothing where there are no I2C buses.
type fileLock struct{ *os.File }

func (l *fileLock) Lock() error   { return nil }
func (l *fileLock) Unlock() error { return nil }
