package supervisortest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Options are those in the form now: the user's over the add-on's defaults.
func (s *Supervisor) Options() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.merged()
}

func (s *Supervisor) merged() map[string]any {
	all := maps.Clone(s.config.Options)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, s.options) // lists of the user replace those of the defaults; there is no map in a map here
	return all
}

// Start writes OptionsFile as the Supervisor does before each start. Options that no longer fit the schema keep the add-on from starting.
func (s *Supervisor) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	valid, err := s.valid(s.merged())
	if err != nil || s.OptionsFile == "" {
		return err
	}
	text, err := json.Marshal(valid)
	if err != nil {
		return err
	}
	return os.WriteFile(s.OptionsFile, text, 0o600)
}

func (s *Supervisor) started(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	valid, err := s.valid(s.merged())
	if err != nil {
		no(w, http.StatusBadRequest, "Invalid configuration data for the app")
		return
	}
	yes(w, valid)
}

func (s *Supervisor) setOptions(w http.ResponseWriter, r *http.Request) {
	var body map[string]json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		no(w, http.StatusBadRequest, "Invalid json")
		return
	}
	for key := range body {
		if !slices.Contains([]string{"boot", "network", "auto_update", "audio_output", "audio_input", "ingress_panel", "watchdog", "options"}, key) {
			no(w, http.StatusBadRequest, fmt.Sprintf("extra keys not allowed @ data['%s']. Got %s", key, body[key]))
			return
		}
	}
	given, ok := body["options"]
	if !ok {
		yes(w, nil)
		return
	}
	var options map[string]any // null: back to the defaults
	if err := json.Unmarshal(given, &options); err != nil {
		no(w, http.StatusBadRequest, fmt.Sprintf("expected dict for dictionary value @ data['options']. Got %s", given))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if options != nil {
		valid, err := s.valid(options)
		if err != nil {
			// The real one repeats here all that it was sent, passwords included.
			no(w, http.StatusBadRequest, fmt.Sprintf("App %s has invalid options: %v. Got %s", s.config.Slug, err, given))
			return
		}
		options = valid
	}
	s.options = options
	yes(w, nil)
}

// valid is options as the schema takes them: unknown keys are dropped, what is missing or wrong is an error in the Supervisor's words.
func (s *Supervisor) valid(options map[string]any) (map[string]any, error) {
	where := fmt.Sprintf(" in %s (%s)", s.config.Name, s.config.Slug)
	valid, err := dict(s.config.Schema, options, "root")
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, where)
	}
	return valid, nil
}

func dict(schema, given map[string]any, name string) (map[string]any, error) {
	valid := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(schema)) {
		value, there := given[key]
		switch {
		case there:
			v, err := element(schema[key], value, key)
			if err != nil {
				return nil, err
			}
			valid[key] = v
		case !optional(schema[key]):
			return nil, invalid("Missing option '%s' in %s", key, name)
		}
	}
	return valid, nil
}

// invalid is what the Supervisor says to that.
func invalid(format string, args ...any) error { return fmt.Errorf(format, args...) }

func optional(schema any) bool {
	if list, ok := schema.([]any); ok && len(list) > 0 {
		schema = list[0]
	}
	text, ok := schema.(string)
	return ok && strings.HasSuffix(text, "?")
}

func element(schema, value any, key string) (any, error) {
	switch schema := schema.(type) {
	case []any:
		given, ok := value.([]any)
		if !ok {
			return nil, invalid("Invalid list for option '%s'", key)
		}
		valid := make([]any, len(given))
		for i := range given {
			var err error
			if valid[i], err = element(schema[0], given[i], key); err != nil {
				return nil, err
			}
		}
		return valid, nil
	case map[string]any:
		given, ok := value.(map[string]any)
		if !ok {
			return nil, invalid("Invalid dict for option '%s'", key)
		}
		return dict(schema, given, key)
	}
	if value == nil {
		return nil, invalid("Missing required option '%s'", key)
	}
	return single(fmt.Sprint(schema), value)
}

// kind takes a type apart: its name and what is in the brackets.
var kind = regexp.MustCompile(`^(str|password|bool|int|float|match|list)(?:\((.*)\))?\??$`)

// single checks one value against the types that our add-on uses. What it does not know it refuses, so that a new one is seen.
func single(schema string, value any) (any, error) {
	m := kind.FindStringSubmatch(schema)
	if m == nil {
		return nil, invalid("this fake does not know the type %s", schema)
	}
	text, isText := value.(string)
	switch argument := m[2]; m[1] {
	case "str", "password":
		if !isText {
			return nil, invalid("not a valid value")
		}
		return text, nil
	case "bool":
		if _, ok := value.(bool); !ok {
			return nil, invalid("expected boolean")
		}
		return value, nil
	case "int":
		return number(argument, value, "int")
	case "float":
		return number(argument, value, "float")
	case "match":
		if form, err := regexp.Compile(argument); err != nil || !form.MatchString(fmt.Sprint(value)) {
			return nil, invalid("does not match regular expression %s", argument)
		}
		return fmt.Sprint(value), nil
	default: // list
		if words := strings.Split(argument, "|"); !slices.Contains(words, fmt.Sprint(value)) {
			return nil, invalid("value must be one of ['%s']", strings.Join(words, "', '"))
		}
		return fmt.Sprint(value), nil
	}
}

// number is what Python's int or float makes of value: as an int, 5 of "5" and of 5.7.
func number(limits string, value any, kind string) (any, error) {
	n, ok := value.(float64)
	if text, isText := value.(string); isText {
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		n, ok = f, err == nil && (kind == "float" || f == math.Trunc(f))
	}
	if !ok {
		return nil, invalid("expected %s", kind)
	}
	if kind == "int" {
		n = math.Trunc(n)
	}
	least, most, _ := strings.Cut(limits, ",")
	if limit, err := strconv.ParseFloat(least, 64); err == nil && n < limit {
		return nil, invalid("value must be at least %g", limit)
	}
	if limit, err := strconv.ParseFloat(most, 64); err == nil && n > limit {
		return nil, invalid("value must be at most %g", limit)
	}
	return n, nil
}
