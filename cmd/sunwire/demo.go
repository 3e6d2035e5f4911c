package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"sunwire/bridge/broker/embedded"
	"sunwire/bridge/config"
)

// demoHouse is the demo's configuration: everything simulated, at wire level, behind the real drivers.
const demoHouse = `
mqtt: {url: "mqtt://%s"}
http: {listen: %q}
log: {level: warn}
state_dir: %q
devices:
  - {id: inverter, name: Inverter, area: Garage, driver: pi30, port: "sim:", interval: 2s, slow: 20s, critical: true}
  - {id: battery, name: Battery, area: Garage, driver: jk_ttl, port: "sim:", interval: 2s, slow: 20s}
  - {id: house, name: House, area: Living room, driver: bme280, port: "sim:", interval: 5s, topics: "house/{key}", options: {elevation: 40}}
  - {id: kitchen, name: Kitchen air, area: Kitchen, driver: bme680, port: "sim:", interval: 10s}
  - {id: boiler, name: Boiler, area: Garage, driver: ds18b20, port: "sim:", interval: 10s}
  - {id: weather, name: Weather, area: Garden, driver: openmeteo, port: "sim:", interval: 1m, options: {latitude: 52.52, longitude: 13.41, planes: [{peak: 5000, tilt: 30}]}}
`

func demo(ctx context.Context, c console, args []string) error {
	var mqtt, page string
	if _, err := flags(c, "demo", args, func(fs *flag.FlagSet) {
		fs.StringVar(&mqtt, "mqtt", "127.0.0.1:1883", "address of the demo's own broker; port 0: any free one")
		fs.StringVar(&page, "http", "127.0.0.1:8099", "address of the page")
	}); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sunwire-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder in the system's temporary folder
	if l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", page); err != nil {
		return fmt.Errorf("the demo's page cannot listen on %s: %w: choose another address with --http 127.0.0.1:8100", page, err)
	} else if err := l.Close(); err != nil {
		return err
	}
	b, err := embedded.Start(mqtt)
	if err != nil {
		return fmt.Errorf("the demo's broker cannot listen on %s: %w: choose another address with --mqtt 127.0.0.1:0", mqtt, err)
	}
	defer b.Close() //nolint:errcheck // the process ends
	cfg, err := config.Parse("demo", fmt.Appendf(nil, demoHouse, b.Addr(), page, dir), environment())
	if err != nil {
		return err
	}
	log, reopen, err := logger(cfg.Log, c.err)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, `A simulated house runs: an inverter with panels, its battery with a JK BMS, three sensors, and the weather.

  See it:          http://%s
  Home Assistant:  Settings, Devices & services, Add integration, MQTT; broker and port: %s
                   (the demo's broker listens on this machine only)

Ctrl-C ends it; nothing is kept.
`, page, b.Addr())
	return (&running{log: log, reopen: reopen, models: newHouse(time.Now()).model}).serve(ctx, cfg)
}
