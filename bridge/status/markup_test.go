package status

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fillTexts puts text into every string below v that can be shown. Category is not: it sorts values into the parts of the page, which
// shall all have some.
func fillTexts(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			quoted, _ := json.Marshal(text)
			v.SetBytes(quoted)
			return
		}
		for i := range v.Len() {
			fillTexts(v.Index(i), text)
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			if field.IsExported() && field.Name != "Category" {
				fillTexts(value, text)
			}
		}
	default:
	}
}

// skeleton is the tags of html with the names of their attributes, and how often text stands in it.
func skeleton(html, text string) (tags []string, times int) {
	for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(html, -1) {
		tags = append(tags, regexp.MustCompile(`="[^"]*"`).ReplaceAllString(tag, "="))
	}
	return tags, strings.Count(html, text)
}

func TestNothingFromADeviceOrAUserBecomesMarkup(t *testing.T) {
	const harmless = "any text at all"
	// Every way out of a text and of an attribute, and what may mean something to the page's own making.
	hostile := []string{
		`"><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `" onload="alert(1)`, `' onload='alert(1)`, "` onload=`alert(1)", `--><!-- </style></p>`,
		`&lt;script&gt;&quot;`, "{{nonce}}{{summary}} {{.}}", "%s%d%[1]s%!", "\x00\xff<b\x00>",
	}
	// show is the page and its stream where every text is the given one, and all is well or nothing is.
	show := func(t *testing.T, text string, well bool) (whole, parts string) {
		src := twoDevices(time.Now())
		src.snap.Problems = []string{""}
		fillTexts(reflect.ValueOf(&src.snap).Elem(), text)
		src.snap.Broker.Connected, src.snap.Broker.HomeAssistant = well, well
		src.snap.Devices[1].Link.Up = well
		src.snap.Devices[1].LastError = "" // beside an error of the link
		h := New(src, Options{})
		stream, end := listen(t, h, "/live")
		synctest.Wait()
		end()
		var u update
		if err := json.Unmarshal([]byte(stream.all()[0].data), &u); err != nil {
			t.Fatal(err)
		}
		for _, p := range u.Parts {
			parts += string(p.HTML)
		}
		return get(t, h, "/", func(r *http.Request) { r.Header.Set("X-Ingress-Path", text) }).Body.String(), parts
	}
	judge := func(t *testing.T, well bool) {
		whole, parts := show(t, harmless, well)
		wantWhole, n := skeleton(whole, harmless)
		wantParts, m := skeleton(parts, harmless)
		if n < 80 || m < 80 {
			t.Errorf("a text from outside stands %d times on the page, %d times in its stream: this shows too little", n, m)
		}
		for _, in := range regexp.MustCompile(`([a-z-]+)=["'][^"']*`+harmless+`|(?s)<(script|style).*?</`).FindAllStringSubmatch(whole, -1) {
			if strings.Contains(in[0], harmless) && in[1] != "id" {
				t.Errorf("escaping does not help here: %s", in[0])
			}
		}
		for _, evil := range hostile {
			whole, parts := show(t, evil, well)
			if got, _ := skeleton(whole, evil); !slices.Equal(got, wantWhole) {
				t.Errorf("%q changes the page's tags:\n%s", evil, whole)
			}
			if got, _ := skeleton(parts, evil); !slices.Equal(got, wantParts) {
				t.Errorf("%q changes the tags of the stream:\n%s", evil, parts)
			}
		}
	}
	for _, well := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) { judge(t, well) })
	}
}

func TestAStringBecomesMarkupInOnePlaceOnly(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range sources {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			found = append(found, regexp.MustCompile(`\b(markup|form)\(.*`).FindAllString(string(source), -1)...)
		}
	}
	if want := []string{"markup(fmt.Sprintf(string(f), args...))", "markup(all.String())"}; !slices.Equal(found, want) {
		t.Errorf("conversions %q, want those of fill and each alone: %q", found, want)
	}
}

func TestNoPlaceholderAndNoEmptyListIsShown(t *testing.T) {
	src := twoDevices(time.Now())
	for _, devices := range [][]Device{src.snap.Devices, nil} {
		src.snap.Devices = devices
		text := get(t, New(src, Options{}), "/").Body.String()
		if left := regexp.MustCompile(`\{\{|%!|>0 (more|diagnostic)`).FindString(text); left != "" {
			t.Errorf("%q on the page:\n%s", left, text)
		}
	}
}
