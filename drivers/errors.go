package drivers

import (
	"errors"

	"sunwire/drivers/link"
)

// The only reasons the bridge acts on. ErrFrame (what came is damaged or belongs to another question) and ErrNoReply (nothing came in
// time) are asked once more; ErrUnsupported (the device says that it does not know the question) is not asked again for a day;
// ErrRefused is a setting that the device did not take.
var (
	ErrFrame       = link.ErrFrame
	ErrNoReply     = link.ErrNoReply
	ErrUnsupported = errors.New("not supported by this device")
	ErrRefused     = errors.New("refused by the device")
)
