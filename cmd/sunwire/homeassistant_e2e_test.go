//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// homeAssistant is a client of the real one.
type homeAssistant struct {
	t          *testing.T
	url, token string
}

func (h homeAssistant) get(path string, into any) error {
	req, err := http.NewRequest(http.MethodGet, h.url+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// do calls a service that needs nothing else.
func (h homeAssistant) do(service string) {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodPost, h.url+"/api/services/"+service, strings.NewReader("{}"))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %s", service, resp.Status)
	}
}

// ws asks one question of the WebSocket API.
func (h homeAssistant) ws(question map[string]any, into any) {
	h.t.Helper()
	c, _, err := websocket.DefaultDialer.Dial(strings.Replace(h.url, "http", "ws", 1)+"/api/websocket", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	var m map[string]any
	if err := c.ReadJSON(&m); err != nil {
		h.t.Fatal(err)
	}
	if err := c.WriteJSON(map[string]any{"type": "auth", "access_token": h.token}); err != nil {
		h.t.Fatal(err)
	}
	if err := c.ReadJSON(&m); err != nil {
		h.t.Fatal(err)
	}
	question["id"] = 1
	if err := c.WriteJSON(question); err != nil {
		h.t.Fatal(err)
	}
	var answer struct {
		Success bool            `json:"success"`
		Result  json.RawMessage `json:"result"`
		Error   any             `json:"error"`
	}
	if err := c.ReadJSON(&answer); err != nil {
		h.t.Fatal(err)
	}
	if !answer.Success {
		h.t.Fatalf("%v: %v", question, answer.Error)
	}
	if err := json.Unmarshal(answer.Result, into); err != nil {
		h.t.Fatal(err)
	}
}

// haState is the state of an entity.
type haState struct {
	ID         string         `json:"entity_id"`
	State      string         `json:"state"`
	Attributes map[string]any `json:"attributes"`
}

func (h homeAssistant) states() map[string]haState {
	var list []haState
	if err := h.get("/api/states", &list); err != nil {
		return nil
	}
	m := map[string]haState{}
	for _, s := range list {
		m[s.ID] = s
	}
	return m
}

// haEntity is an entry of the entity registry.
type haEntity struct {
	ID         string `json:"entity_id"`
	UniqueID   string `json:"unique_id"`
	Platform   string `json:"platform"`
	RegistryID string `json:"id"`
	DisabledBy string `json:"disabled_by"`
	DeviceID   string `json:"device_id"`
}

// entities are the registered entities of MQTT, by unique id.
func (h homeAssistant) entities() map[string]haEntity {
	var list []haEntity
	h.ws(map[string]any{"type": "config/entity_registry/list"}, &list)
	m := map[string]haEntity{}
	for _, e := range list {
		if e.Platform == "mqtt" {
			m[e.UniqueID] = e
		}
	}
	return m
}

// complaints are the warnings and errors in its log that speak of MQTT or of sunwire.
func (h homeAssistant) complaints() (lines []string) {
	var list []struct {
		Name    string   `json:"name"`
		Message []string `json:"message"`
		Level   string   `json:"level"`
	}
	h.ws(map[string]any{"type": "system_log/list"}, &list)
	for _, l := range list {
		text := l.Level + " " + l.Name + ": " + strings.Join(l.Message, " | ")
		if low := strings.ToLower(text); strings.Contains(low, "mqtt") || strings.Contains(low, "sunwire") || strings.Contains(low, "sensor") {
			lines = append(lines, text)
		}
	}
	return lines
}
