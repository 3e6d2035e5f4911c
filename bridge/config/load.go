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
}

// Load reads the configuration file at path. The error is Errors, all that is wrong at once.
func Load(path string, env Env) (*Config, error) {
	if env.ReadFile == nil {
		env.ReadFile = os.ReadFile
	}
	data, err := env.ReadFile(path)
	if err != nil {
		if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, Errors{{File: path, Text: fmt.Sprintf("cannot read the configuration: %v", err)}}
	}
	return Parse(path, data, env)
}

// Parse reads a configuration; name stands for it in errors. The error is Errors, all that is wrong at once.
func Parse(name string, data []byte, env Env) (*Config, error) {
	if env.Getenv == nil {
		env.Getenv = os.LookupEnv
	}
	if env.ReadFile == nil {
		env.ReadFile = os.ReadFile
	}
	d := &decoder{file: name, env: env, at: map[string]*yaml.Node{}, open: map[string]*yaml.Node{}}
	c := newConfig()
	if root := d.root(data); root != nil {
		d.value("", root, reflect.ValueOf(c).Elem())
		d.check(c)
	}
	if len(d.errs) > 0 {
		d.errs.sort()
		return nil, d.errs
	}
	return c, nil
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
