package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"

	"gopkg.in/yaml.v3"

	"sunwire/drivers"
)

// Env is what a configuration is read against.
type Env struct {
	Drivers  []drivers.Driver
	Getenv   func(name string) (value string, ok bool) // of ${NAME}; nil: os.LookupEnv
	ReadFile func(path string) ([]byte, error)         // nil: os.ReadFile
	AddOn    bool                                      // Home Assistant's ingress guards the page: it needs no password
	Form     func() ([]byte, error)                    // the add-on's options, as JSON; nil: there are none
	MayLack  bool                                      // a file that is not there is a configuration without devices
}

// Load reads the configuration file at path, and the add-on's options where there are any. The error is Errors, all that is wrong at once.
func Load(path string, env Env) (*Config, error) {
	env.fill()
	data, err := env.ReadFile(path)
	if missing := errors.Is(err, fs.ErrNotExist); missing && (env.MayLack || env.Form != nil) {
		return env.read(path, nil)
	}
	if err != nil {
		if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, Errors{{File: path, Text: fmt.Sprintf("cannot read the configuration: %v", err)}}
	}
	return Parse(path, data, env)
}

func (env *Env) fill() {
	if env.Getenv == nil {
		env.Getenv = os.LookupEnv
	}
	if env.ReadFile == nil {
		env.ReadFile = os.ReadFile
	}
}

// Empty is what holds where nothing is written.
func Empty(path string, env Env) *Config {
	c := newConfig()
	if env.AddOn {
		c.asAddOn()
	}
	c.File, c.Missing, c.MQTT.Ask = path, true, env.AddOn
	return c
}

// Parse reads a configuration; name stands for it in errors. The error is Errors, all that is wrong at once.
func Parse(name string, data []byte, env Env) (*Config, error) {
	env.fill()
	if data == nil {
		data = []byte{}
	}
	return env.read(name, data)
}

// read reads the file called name, which is missing where data is nil, and the form.
func (env *Env) read(name string, data []byte) (*Config, error) {
	d := &decoder{file: name, env: *env, at: map[string]*yaml.Node{}, open: map[string]*yaml.Node{}, inForm: map[string]string{}}
	c := Empty(name, *env)
	c.Missing = data == nil
	readable := true
	if !c.Missing {
		root := d.root(data)
		if readable = root != nil; readable {
			d.value("", root, reflect.ValueOf(c).Elem())
		}
	}
	if readable {
		d.whole(c)
	}
	if d.finish(); len(d.errs) > 0 {
		return nil, d.errs
	}
	return c, nil
}

// whole puts the form beside what the file says, and checks both.
func (d *decoder) whole(c *Config) {
	for i := range c.Devices {
		d.places = append(d.places, path("devices", i))
	}
	if d.env.Form != nil {
		switch data, err := d.env.Form(); {
		case err != nil:
			d.errs = append(d.errs, Error{File: formName, Text: fmt.Sprintf("cannot be read: %v", err)})
		default:
			d.form(c, data)
		}
	}
	c.MQTT.Ask = d.env.AddOn && !d.has("mqtt.url")
	d.check(c)
}

// root is the one document of a file, nil where there is none to go on with.
func (d *decoder) root(data []byte) *yaml.Node {
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF), err == nil && (len(doc.Content) == 0 || null(doc.Content[0])):
		d.errs = append(d.errs, Error{File: d.file, Text: "is empty; begin with a copy of config.yaml.example"})
		return nil
	case err != nil:
		d.syntax(string(data), err)
		return nil
	}
	if err := dec.Decode(&second); err == nil {
		d.errs = append(d.errs, Error{File: d.file, Line: second.Line, Column: 1, Text: "a second document begins behind ---; only one can be read: remove it, or the ---"})
	} else if !errors.Is(err, io.EOF) {
		d.syntax(string(data), err)
	}
	return doc.Content[0]
}
