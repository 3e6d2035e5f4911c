package status

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnOldHouseIs503AndOldWeatherAloneIsNot(t *testing.T) {
	type report struct {
		Status  string
		Sources map[string]struct{ Critical, Healthy bool } `json:"data_sources"`
	}
	for _, c := range []struct {
		name           string
		house, weather time.Duration
		code           int
		status         string
		healthy        [2]bool
	}{
		{"all is fresh", 300 * time.Second, 900 * time.Second, http.StatusOK, "ok", [2]bool{true, true}},
		{"the weather is old", time.Second, 901 * time.Second, http.StatusOK, "degraded", [2]bool{true, false}},
		{"the house is old", 301 * time.Second, time.Second, http.StatusServiceUnavailable, "unhealthy", [2]bool{false, true}},
		{"both are old", 301 * time.Second, 901 * time.Second, http.StatusServiceUnavailable, "unhealthy", [2]bool{false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // fake time stands still: an age is what it is
				now := time.Now()
				src := twoDevices(now)
				src.snap.Devices[0].ID, src.snap.Devices[0].Critical, src.snap.Devices[0].MaxAge, src.snap.Devices[0].LastUpdate = "house", true, 300*time.Second, now.Add(-c.house)
				src.snap.Devices[1].ID, src.snap.Devices[1].Critical, src.snap.Devices[1].MaxAge, src.snap.Devices[1].LastUpdate = "weather", false, 900*time.Second, now.Add(-c.weather)
				w := get(t, New(src, Options{}), "/health")
				var got report
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
					t.Fatal(err)
				}
				healthy := [2]bool{got.Sources["house"].Healthy, got.Sources["weather"].Healthy}
				if w.Code != c.code || got.Status != c.status || healthy != c.healthy || got.Sources["weather"].Critical {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			})
		})
	}
}
