package detect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"sunwire/drivers/link"
	"sunwire/drivers/link/stream"
)

// asker asks each question once, whoever asks it: the variants of a family begin with the same ones, and an inverter should not be asked
// ten times who it is. Within one driver a question is asked again as the driver wants.
type asker struct {
	link.Transactor
	known    map[string][]byte // what drivers before were answered
	mine     map[string]bool
	patience time.Duration // the longest wait for an answer to begin; 0: as the driver wants

	heard func(b []byte) // is told what comes, whether anybody understands it or not
}

// once is conn with that memory, which lasts as long as the line has the same speed.
func once(conn link.Conn, known map[string][]byte, patience time.Duration, heard func([]byte)) link.Conn {
	t, ok := conn.(link.Transactor)
	if !ok {
		return conn
	}
	return &asker{t, known, map[string]bool{}, patience, heard}
}

// Transact implements link.Transactor.
func (a *asker) Transact(ctx context.Context, r link.Request) ([]byte, error) {
	if a.patience > 0 {
		r.First = min(r.First, a.patience)
	}
	question := string(r.Bytes)
	if reply, asked := a.known[question]; asked && !a.mine[question] {
		if reply == nil {
			return nil, fmt.Errorf("%w: it was asked before", link.ErrNoReply)
		}
		if _, frame, err := stream.Next(r.Frame, bytes.Clone(reply), true); err == nil && frame != nil {
			return frame, nil
		}
	}
	a.mine[question] = true
	understand := r.Frame
	r.Frame = func(b []byte, silent bool) (int, []byte, error) {
		a.heard(b)
		return understand(b, silent)
	}
	reply, err := a.Transactor.Transact(ctx, r)
	switch {
	case err == nil:
		a.known[question] = bytes.Clone(reply)
	case errors.Is(err, link.ErrNoReply):
		a.known[question] = nil
	default:
		delete(a.known, question)
	}
	return reply, err
}
