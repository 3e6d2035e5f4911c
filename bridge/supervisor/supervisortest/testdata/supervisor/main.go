// Command supervisor is the fake Supervisor as a program, to try the add-on by hand where .ci/supervised makes its network:
//
//	go build -o /tmp/supervisor ./bridge/supervisor/supervisortest/testdata/supervisor
//	.ci/supervised /tmp/supervisor -addon addon -options /data/options.json -broker 127.0.0.1:1883
//
// The add-on's page is then at http://172.30.32.2/api/hassio_ingress/Zq3vT0kenOfThisAddOn/.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"

	"sunwire/bridge/supervisor/supervisortest"
)

func main() {
	listen := flag.String("listen", "172.30.32.2:80", "address of the Supervisor")
	addon := flag.String("addon", "addon", "folder with config.yaml")
	options := flag.String("options", "", "where options.json is written, now and at each restart")
	page := flag.String("page", "127.0.0.1:8099", "address of the add-on's page")
	broker := flag.String("broker", "", "host:port of the broker; empty: there is none yet")
	user := flag.String("user", "addons", "user at the broker")
	password := flag.String("password", "", "password at the broker")
	flag.Parse()
	s, err := supervisortest.New(*addon)
	if err != nil {
		log.Fatal(err)
	}
	s.OptionsFile, s.Page = *options, *page
	s.OnRestart = func() { log.Print("restart the add-on now") }
	if at, err := netip.ParseAddrPort(*listen); err == nil {
		s.From = at.Addr()
	}
	if host, port, err := net.SplitHostPort(*broker); err == nil {
		s.SetBroker(&supervisortest.Broker{Host: host, Port: port, Username: *user, Password: *password, AddOn: "core_mosquitto"})
	}
	if err := s.Start(); err != nil {
		log.Fatal(err)
	}
	log.Printf("SUPERVISOR_TOKEN=%s; page: http://%s%s/", supervisortest.Token, *listen, supervisortest.Entry)
	log.Fatal((&http.Server{Addr: *listen, Handler: s, ReadHeaderTimeout: 10 * time.Second}).ListenAndServe())
}
