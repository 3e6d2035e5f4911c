package cbt_test

import (
	"iter"
	"testing"
	"time"

	"sunwire/drivers/cbt"
	"sunwire/drivers/drivertest"
	"sunwire/drivers/link"
	"sunwire/drivers/link/simulated"
)

func TestConformance(t *testing.T) { drivertest.Run(t, cbt.Driver, drivertest.Facts{}) }

func TestConformanceOfVB(t *testing.T) { drivertest.Run(t, cbt.VB, drivertest.Facts{}) }

func TestCaptures(t *testing.T) {
	drivertest.Captures(t, cbt.Driver, 10, 36, 2, nil)
}

func TestCapturesOfVB(t *testing.T) {
	drivertest.Captures(t, cbt.VB, 3, 23, 6, nil)
}

func FuzzDecode(f *testing.F) { drivertest.Fuzz(f, cbt.Driver) }

func FuzzDecodeVB(f *testing.F) { drivertest.Fuzz(f, cbt.VB) }

// Twenty cells are all there can be: the command behind the last of theirs asks for something else.
func TestBehindTwentyCellsNothingIsAskedForMore(t *testing.T) {
	var asked []byte
	c, err := simulated.New(link.BLE, answers(func(request []byte) []byte {
		asked = append(asked, request[2])
		return cbt.Driver.Reseal([]byte{0xAA, 0x55, request[2], 10, 5, 13, 5, 13, 5, 13, 5, 13, 5, 13, 0, 0x0D, 0x0A})
	}), simulated.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := cbt.Driver.Open(c, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := d.Describe(t.Context())
	if err != nil || string(asked) != "\x05\x06\x07\x08" {
		t.Errorf("asked % x, error %v", asked, err)
	}
	for _, q := range desc.Queries {
		if q.Name == "cells" && len(q.Keys) != 20 {
			t.Errorf("%d cells", len(q.Keys))
		}
	}
}

func TestAFrameWithoutItsEndIsNone(t *testing.T) {
	for end, right := range map[string]bool{"\x0d\x0a": true, "\x0a\x0d": false, "\x0d\x0d": false, "\x0a\x0a": false} {
		_, err := cbt.Driver.Decode("capacity", []byte("\xaa\x55\x15\x04\x28\x00\x03\x00\x44"+end))
		if right != (err == nil) {
			t.Errorf("% x: %v", end, err)
		}
	}
}

type answers func([]byte) []byte

func (a answers) Answer(request []byte) []byte         { return a(request) }
func (answers) Push() iter.Seq2[time.Duration, []byte] { return nil }
