package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// refusal is an answer that says no.
type refusal struct {
	path    string
	status  int
	message string // the Supervisor's own, without what was sent to it; "" where it has none: then its door-keeper refused
}

// starting reports whether the Supervisor is not ready to answer anything.
func (r *refusal) starting() bool { return strings.Contains(r.message, "not ready") }

// Error is in plain words.
func (r *refusal) Error() string {
	switch {
	case r.starting():
		return "the Supervisor is still starting: wait a minute"
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden && r.message == "":
		return fmt.Sprintf("the Supervisor does not know this app's token (%d): restart Sunwire in Settings > Apps", r.status)
	case r.message == "":
		return fmt.Sprintf("the Supervisor answers %s with status %d and no reason: its log may tell more", r.path, r.status)
	}
	return fmt.Sprintf("the Supervisor refuses %s (%d): %s", r.path, r.status, r.message)
}

// open takes the data out of an answer.
func open(path string, status int, answer []byte, into any) error {
	var envelope struct {
		Result  string
		Message string
		Data    json.RawMessage
	}
	err := json.Unmarshal(answer, &envelope)
	switch {
	case status >= http.StatusBadRequest || err == nil && envelope.Result == "error":
		return &refusal{path, status, bare(envelope.Message)}
	case status != http.StatusOK:
		return fmt.Errorf("the Supervisor answers %s with status %d", path, status)
	case err != nil || envelope.Result != "ok":
		return fmt.Errorf("the Supervisor's answer to %s is none that is known", path)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(envelope.Data, into); err != nil {
		// The error of the decoder may quote what it does not like, and that may be a password.
		return fmt.Errorf("the Supervisor's answer to %s has another form than known", path)
	}
	return nil
}

// bare is a message without its ". Got ...": there the Supervisor repeats what it was sent, and that is all options, a password among them.
// It does so on every line. What is before the reason names the add-on, which the user knows.
func bare(message string) string {
	if _, reason, found := strings.Cut(message, "has invalid options: "); found {
		message = reason
	}
	var lines []string
	for line := range strings.Lines(message) {
		line, _, _ = strings.Cut(line, ". Got ")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// unreachable is a request without an answer.
func unreachable(path string, err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var name *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the Supervisor did not answer %s in time: %w", path, err)
	case errors.As(err, &name):
		return errors.New("there is no host supervisor: is this a Home Assistant app?")
	}
	return fmt.Errorf("the Supervisor does not answer %s: %w", path, err)
}
