package broker

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"
)

// keeper knows the login, as the Supervisor does.
type keeper struct {
	mu    sync.Mutex
	login Login
	err   error
	asked []int // seconds from the beginning
	began time.Time
}

func newKeeper(login Login) *keeper { return &keeper{login: login, began: time.Now()} }

func (k *keeper) Login(context.Context) (Login, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, int(time.Since(k.began)/time.Second))
	return k.login, k.err
}

func (k *keeper) set(login Login, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.login, k.err = login, err
}

func (k *keeper) times() []int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.asked)
}

// strict takes nobody but a user with this password.
func strict(password string) func(string, net.Conn) {
	return func(_ string, c net.Conn) {
		serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) {
			if connect, ok := p.Content.(*packets.Connect); ok && string(connect.Password) != password {
				return []byte{0x20, 3, 0, 0x87, 0}, false
			}
			return polite(welcome, nil)(p)
		})
	}
}

func TestALoginIsAskedForOnceAndUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(Login{addresses(t, "mqtt://one"), "addons", "good"})
		u := start(t, Options{URLs: addresses(t, "mqtt://elsewhere"), Password: "stray", Login: k.Login}, through(strict("good")))
		receive(t, "connection", u.up)
		time.Sleep(time.Hour)
		if s := u.State(); !s.Connected || s.URL != "mqtt://one:1883" {
			t.Errorf("%+v", s)
		}
		if at := k.times(); !slices.Equal(at, []int{0}) || u.log.count("cannot") > 0 {
			t.Errorf("asked at %v s, log %q", at, u.log.all())
		}
	})
}

func TestALoginThatCannotBeHadIsToldOnceAndAskedForAtThePaceOfTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(Login{})
		k.set(Login{}, errors.New("install the Mosquitto broker"))
		u := start(t, Options{Login: k.Login}, through(strict("good")))
		time.Sleep(75*time.Second + time.Millisecond)
		at := k.times()
		if len(at) != 62 || !slices.Equal(at[58:], []int{58, 59, 60, 70}) {
			t.Errorf("asked at %v s", at)
		}
		if s := u.State(); !strings.Contains(s.Error, "install the Mosquitto broker") {
			t.Errorf("state %+v", s)
		}
		if n := u.log.count("install the Mosquitto"); n != 1 {
			t.Errorf("told %d times", n)
		}
		k.set(Login{addresses(t, "mqtt://one"), "addons", "good"}, nil)
		receive(t, "connection", u.up)
		if s := u.State(); s.Error != "" {
			t.Errorf("state %+v", s)
		}
	})
}

func TestARefusedLoginIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(Login{addresses(t, "mqtt://one"), "addons", "old secret"})
		u := start(t, Options{Login: k.Login}, through(strict("new secret")))
		time.Sleep(10*time.Second + time.Millisecond)
		if s := u.State(); !strings.Contains(s.Error, "asked for again") || strings.Contains(s.Error, "mqtt.") {
			t.Errorf("state %+v", s)
		}
		if at := k.times(); len(at) != 12 { // first, and after each of 11 tries
			t.Errorf("asked at %v s", at)
		}
		k.set(Login{addresses(t, "mqtt://one"), "addons", "new secret"}, nil)
		receive(t, "connection", u.up)
		if u.log.count("secret") > 0 {
			t.Errorf("log: %q", u.log.all())
		}
	})
}

func TestAnAddressWhereNobodyIsIsAskedForAgainAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(Login{addresses(t, "mqtt://old"), "addons", "good"})
		u := start(t, Options{Login: k.Login}, through(strict("good")), func(c *Client) {
			dial := c.dial
			c.dial = func(ctx context.Context, u *url.URL) (net.Conn, error) {
				if u.Hostname() == "old" {
					return nil, errors.New("connection refused")
				}
				return dial(ctx, u)
			}
		})
		time.Sleep(45 * time.Second)
		if at := k.times(); !slices.Equal(at, []int{0, 30}) {
			t.Errorf("asked at %v s", at)
		}
		k.set(Login{addresses(t, "mqtt://new"), "addons", "good"}, nil)
		time.Sleep(15 * time.Second)
		receive(t, "connection", u.up)
		if s := u.State(); s.URL != "mqtt://new:1883" {
			t.Errorf("%+v", s)
		}
	})
}

func TestALossIsNoReasonToAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(Login{addresses(t, "mqtt://one"), "addons", "good"})
		u := start(t, Options{Login: k.Login}, through(func(_ string, c net.Conn) {
			serveBroker(c, func(p *packets.ControlPacket) ([]byte, bool) {
				_, publish := p.Content.(*packets.Publish)
				reply, _ := polite(welcome, nil)(p)
				return reply, !publish
			})
		}), noAfterwards)
		receive(t, "connection", u.up)
		time.Sleep(time.Hour)
		if _, err := u.Publish(t.Context(), Message{Topic: "leave"}); err != nil {
			t.Fatal(err)
		}
		receive(t, "loss", u.down)
		time.Sleep(35 * time.Second)
		if at := k.times(); len(at) != 2 || at[1] != 3630 {
			t.Errorf("asked at %v s", at)
		}
	})
}

func TestTheOldLoginServesWhileNobodyCanBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var there atomic.Bool
		k := newKeeper(Login{addresses(t, "mqtt://one"), "addons", "good"})
		u := start(t, Options{Login: k.Login}, through(strict("good")), func(c *Client) {
			dial := c.dial
			c.dial = func(ctx context.Context, u *url.URL) (net.Conn, error) {
				if !there.Load() {
					return nil, errors.New("connection refused")
				}
				return dial(ctx, u)
			}
		})
		synctest.Wait()
		k.set(Login{}, errors.New("the keeper is away"))
		time.Sleep(45*time.Second + time.Millisecond)
		if at := k.times(); len(at) != 17 { // at first, and at each try from 30 s on
			t.Errorf("asked at %v s", at)
		}
		if s := u.State(); !strings.Contains(s.Error, "the keeper is away") {
			t.Errorf("state %+v", s)
		}
		there.Store(true)
		receive(t, "connection", u.up)
	})
}

func TestALoginThatNamesNoBrokerIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(Login{addresses(t, "http://me:hush@one"), "addons", "hush"})
		u := start(t, Options{Login: k.Login}, through(strict("hush")))
		synctest.Wait()
		if s := u.State(); s.Connected || !strings.Contains(s.Error, "is not mqtt://") || strings.Contains(s.Error, "hush") {
			t.Errorf("%+v", s)
		}
	})
}

func TestRunEndsInTimeThoughTheLoginHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) (Login, error) {
			<-ctx.Done()
			return Login{}, ctx.Err()
		}
		u := start(t, Options{Login: hang}, through(strict("good")))
		synctest.Wait()
		from := time.Now()
		if err := u.stop(); err != nil || time.Since(from) > 0 {
			t.Errorf("%v after %v", err, time.Since(from))
		}
		if u.log.count("cannot learn") > 0 {
			t.Errorf("log: %q", u.log.all())
		}
	})
}
