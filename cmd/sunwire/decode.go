package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"sunwire/bridge/pipeline"
	"sunwire/drivers"
	"sunwire/drivers/all"
)

// decodeRequest is one line of decode --jsonl.
type decodeRequest struct {
	Driver  string `json:"driver"`
	Command string `json:"command"`
	Reply   string `json:"reply"`
}

// decodeResult is the answer to it.
type decodeResult struct {
	OK          bool           `json:"ok"`
	Values      []decodedValue `json:"values"`
	Implausible []string       `json:"implausible"`
	Error       string         `json:"error"`
}

// decodedValue is one field: value and unit as published, raw as the device means it.
type decodedValue struct {
	Key   string          `json:"key"`
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
	Unit  string          `json:"unit"`
	Raw   json.RawMessage `json:"raw"`
}

func decode(_ context.Context, c console, args []string) error {
	var r decodeRequest
	var asJSON, lines bool
	rest, err := flags(c, "decode", args, func(fs *flag.FlagSet) {
		fs.StringVar(&r.Driver, "driver", "", "name of the driver, such as pi30")
		fs.StringVar(&r.Command, "command", "", "the command that was sent, argument included")
		fs.StringVar(&r.Reply, "hex", "", "the whole reply in hexadecimal; blanks do not matter")
		fs.BoolVar(&asJSON, "json", false, "print JSON")
		fs.BoolVar(&lines, "jsonl", false, `read lines {"driver","command","reply"} and answer each with a line`)
	})
	if err != nil {
		return err
	}
	if lines {
		return decodeLines(c.in, c.out)
	}
	if r.Reply == "" {
		r.Reply = strings.Join(rest, "")
	}
	res := decodeOne(r)
	if asJSON {
		if err := json.NewEncoder(c.out).Encode(res); err != nil {
			return err
		}
	} else if res.OK {
		printDecoded(c.out, res)
	}
	if !res.OK {
		return errors.New(res.Error)
	}
	return nil
}

func decodeLines(in io.Reader, out io.Writer) error {
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if strings.TrimSpace(line) != "" {
			var r decodeRequest
			res := decodeResult{Values: []decodedValue{}, Implausible: []string{}}
			if jerr := json.Unmarshal([]byte(line), &r); jerr != nil {
				res.Error = "line is not JSON: " + jerr.Error()
			} else {
				res = decodeOne(r)
			}
			if err := enc.Encode(res); err != nil {
				return err
			}
			if lines.Buffered() == 0 { // whoever writes line by line gets line by line
				if err := w.Flush(); err != nil {
					return err
				}
			}
		}
		if err != nil {
			return w.Flush()
		}
	}
}

func decodeOne(r decodeRequest) decodeResult {
	res := decodeResult{Values: []decodedValue{}, Implausible: []string{}}
	d, err := all.Find(r.Driver)
	if err != nil {
		res.Error = err.Error()
		return res
	}
	reply, err := hex.DecodeString(strings.Join(strings.Fields(r.Reply), ""))
	if err != nil {
		res.Error = "reply is not hexadecimal: " + err.Error()
		return res
	}
	fields, err := d.Decode(r.Command, reply)
	if err != nil {
		res.Error = err.Error()
		return res
	}
	res.OK = true
	for _, f := range fields {
		e := f.Entity
		v := pipeline.Sign(e, f.Value)
		if !e.Plausible(v) {
			res.Implausible = append(res.Implausible, e.Key)
			v = drivers.Value{}
		}
		res.Values = append(res.Values, decodedValue{
			e.Key, e.Name, v.AppendJSON(nil, e.Quantity.Decimals), e.Quantity.Unit, f.Raw.AppendJSON(nil, -1),
		})
	}
	return res
}

func printDecoded(out io.Writer, res decodeResult) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, v := range res.Values {
		fmt.Fprintf(w, "%s\t%s\t%s %s\t(%s)\n", v.Key, v.Name, unquote(v.Value), v.Unit, unquote(v.Raw))
	}
	_ = w.Flush()
	for _, k := range res.Implausible {
		fmt.Fprintf(out, "%s is outside what it can mean: it would not be published\n", k)
	}
}

func unquote(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && len(raw) > 0 && raw[0] == '"' {
		return s
	}
	if string(raw) == "null" {
		return "-"
	}
	return string(raw)
}
