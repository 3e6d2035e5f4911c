package vedirect

import (
	"iter"
	"math"
	"slices"
	"strconv"
	"time"

	"sunwire/drivers"
)

// speaker says all that any device says, in the blocks of a monitor, its history and a charger with an inverter.
type speaker struct{ model drivers.Model }

// Answer implements link.Simulator: nothing is answered.
func (speaker) Answer([]byte) []byte { return nil }

// Push says the blocks once a second.
func (s speaker) Push() iter.Seq2[time.Duration, []byte] {
	monitor := []string{"PID", "V", "V2", "VS", "VM", "DM", "I", "P", "T", "CE", "SOC", "TTG", "Alarm", "Relay", "AR", "ERR", "BMV", "FW"}
	past := []string{"H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8", "H9", "H17", "H18"}
	charger := []string{
		"SER#", "VPV", "PPV", chargerCurrent, "IL", "LOAD", "CS", "MPPT", "OR", "H19", "H20", "H21", "AC_OUT_V", "AC_OUT_I", "AC_OUT_S", "WARN",
	}
	return func(yield func(time.Duration, []byte) bool) {
		for pause := time.Duration(0); ; pause = time.Second {
			var said []byte
			for _, labels := range [][]string{monitor, past, charger} {
				said = append(said, s.block(labels)...)
			}
			if !yield(pause, said) {
				return
			}
		}
	}
}

// examples are what is said without a model: a SmartShunt of karioja/vedirect's dumps beside a small charger.
var examples = map[string]string{
	"PID": "0xA389", "V": "12865", "V2": "12900", "VS": "12700", "VM": "6430", "DM": "-3", "I": "-7625", "P": "-92", "T": "21", "CE": "-65473", "SOC": "839",
	"TTG": "942", "Alarm": "OFF", "Relay": "OFF", "AR": "0", "BMV": "SmartShunt 500A/50mV", "FW": "0405",
	"H1": "-149322", "H2": "-82854", "H3": "-1000", "H4": "3", "H5": "1", "H6": "-5526294", "H7": "11733", "H8": "16161", "H9": "368003", "H17": "6843", "H18": "8527",
	"SER#": "HQ0000SIM01", "VPV": "31390", "PPV": "8", chargerCurrent: "640", "IL": "100", "LOAD": "ON", "CS": "3", "MPPT": "2", "OR": "0x00000000", "ERR": "0",
	"H19": "8272", "H20": "12", "H21": "11", "AC_OUT_V": "23000", "AC_OUT_I": "5", "AC_OUT_S": "110", "WARN": "0",
}

func (s speaker) block(labels []string) []byte {
	var b []byte
	for _, l := range labels {
		r := rows()[l]
		value := examples[l]
		if s.model != nil {
			if v, ok := s.model.Value("", r.Key); ok {
				value = r.said(v, value)
			}
		}
		if l == chargerCurrent {
			l = "I"
		}
		b = append(b, "\r\n"+l+"\t"+value...)
	}
	return sealText(append(b, ending...))
}

// said is v as the device writes it.
func (r *row) said(v drivers.Value, otherwise string) string {
	if on, ok := v.Bool(); ok {
		if on {
			return "ON"
		}
		return "OFF"
	}
	if n, ok := v.Float(); ok && r.per > 0 {
		return strconv.Itoa(int(math.Round(n * r.per)))
	}
	if text, ok := v.Text(); ok && r.codes != nil {
		if i := slices.Index(r.Options, text); i >= 0 {
			return strconv.Itoa(r.codes[i])
		}
	}
	return otherwise
}
