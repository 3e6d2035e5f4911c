//go:build !unix

package simulated

import (
	"errors"
	"os"
)

func openPTY() (*os.File, string, error) {
	return nil, "", errors.New("this system has no pseudo-terminals: use --port tcp:127.0.0.1:8899")
}
