package jk_test

import (
	"testing"

	"sunwire/drivers/drivertest"
	"sunwire/drivers/jk"
)

func TestConformanceOfTTL(t *testing.T) { drivertest.Run(t, jk.TTL, drivertest.Facts{}) }

func TestConformanceOfPB(t *testing.T) { drivertest.Run(t, jk.PB, drivertest.Facts{}) }

func TestConformanceOfTheBalancer(t *testing.T) { drivertest.Run(t, jk.Balancer, drivertest.Facts{}) }

func TestCapturesOfTTL(t *testing.T) {
	drivertest.Captures(t, jk.TTL, 4, 96, 0, nil)
}

func TestCapturesOfPB(t *testing.T) {
	drivertest.Captures(t, jk.PB, 4, 28, 0, nil)
}

func TestCapturesOfTheBalancer(t *testing.T) {
	drivertest.Captures(t, jk.Balancer, 2, 10, 0, nil)
}

func FuzzDecodeTTL(f *testing.F) { drivertest.Fuzz(f, jk.TTL) }

func FuzzDecodePB(f *testing.F) { drivertest.Fuzz(f, jk.PB) }

func FuzzDecodeTheBalancer(f *testing.F) { drivertest.Fuzz(f, jk.Balancer) }
