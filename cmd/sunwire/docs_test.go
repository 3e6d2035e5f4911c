package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sunwire/bridge/config"
	"sunwire/drivers/all"
)

// What the documentation tells users has to be there: messages, commands, flags, keys, links. A message is quoted as a paragraph of its own
// behind "> ", with … for what differs, or begins a row of a table in troubleshooting.md; commands and keys stand in code.

// root is the repository's folder.
const root = "../.."

// guides are the pages written by hand for users. Those of drivers and decisions quote no program.
func guides(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "addon/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			texts[name] = string(text)
		}
	}
	return texts
}

// said are the texts that the program may print: its string constants, joined where the source joins them, and its page.
func said(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	files := token.NewFileSet()
	for _, folder := range []string{"cmd", "bridge", "discovery", "drivers"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				e, ok := n.(ast.Expr)
				if !ok {
					return true
				}
				text, ok := constant(e)
				if ok {
					all.WriteString(text + "\x00")
				}
				return !ok
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(filepath.Join(root, "bridge/status/page.html"))
	if err != nil {
		t.Fatal(err)
	}
	all.Write(page)
	return all.String()
}

// constant is the text of "a" or "a" + "b".
func constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok := constant(e.X)
		right, is := constant(e.Y)
		return left + right, ok && is && e.Op == token.ADD
	}
	return "", false
}

var (
	quoted = regexp.MustCompile(`(?m)^> (.+)$`)
	reason = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")
	fenced = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```$")
	inline = regexp.MustCompile("`([^`\n]+)`")
	linked = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

func TestQuotedMessagesAreWhatTheProgramPrints(t *testing.T) {
	messages, count := said(t), 0
	for name, text := range guides(t) {
		found := quoted.FindAllStringSubmatch(text, -1)
		if filepath.Base(name) == "troubleshooting.md" {
			found = append(found, reason.FindAllStringSubmatch(text, -1)...)
		}
		for _, m := range found {
			for part := range strings.SplitSeq(m[1], "…") {
				if part = strings.Trim(part, " "); len(part) > 3 && !strings.Contains(messages, part) {
					t.Errorf("%s: nothing prints %q", name, part)
				}
			}
			count++
		}
	}
	if count < 30 {
		t.Errorf("only %d messages were found", count)
	}
}

// calls are the command lines of sunwire in the documentation.
var calls = regexp.MustCompile(`(?m)(?:^|[\s` + "`" + `]|[\s.]/)sunwire ([a-z]+)((?:[ \t]+[^\s` + "`" + `#|>]+)*)`)

func TestQuotedCommandsAreUnderstood(t *testing.T) {
	count := 0
	for page, text := range guides(t) {
		for _, code := range slices.Concat(inline.FindAllStringSubmatch(text, -1), fencedCode(text, "")) {
			for _, c := range calls.FindAllStringSubmatch(code[1], -1) {
				name, args := c[1], strings.Fields(c[2])
				if name == "sunwire" && len(args) > 0 { // the first was the user of that name
					name, args = args[0], args[1:]
				}
				count++
				if wrong := misunderstood(t, name, args); wrong != "" {
					t.Errorf("%s: %s: %s", page, strings.TrimSpace(c[0]), wrong)
				}
			}
		}
	}
	if count < 30 {
		t.Errorf("only %d commands were found", count)
	}
}

// fencedCode are the blocks of code in that language, in the form that FindAllStringSubmatch gives.
func fencedCode(text, language string) (blocks [][]string) {
	for _, b := range fenced.FindAllStringSubmatch(text, -1) {
		if b[1] == language {
			blocks = append(blocks, []string{b[0], b[2]})
		}
	}
	return blocks
}

// misunderstood says what sunwire would not understand of a command line; nothing is run.
func misunderstood(t *testing.T, name string, args []string) string {
	known := commands()
	if name == "service" && len(args) > 0 {
		known, name, args = serviceVerbs(), strings.Trim(args[0], ","), args[1:]
	}
	i := slices.IndexFunc(known, func(c command) bool { return c.name == name })
	if i < 0 {
		return "there is no such command"
	}
	var help bytes.Buffer
	_ = known[i].run(t.Context(), console{strings.NewReader(""), &help, &help}, []string{"-h"})
	for _, arg := range args {
		if flagged := strings.TrimLeft(arg, "-"); flagged != arg && flagged != "" && !strings.Contains(help.String(), "\n  -"+flagged) {
			return arg + " is no flag of it"
		}
	}
	return ""
}

func TestConfigurationsInTheDocumentationAreRight(t *testing.T) {
	env := config.Env{
		Drivers: all.Drivers(), Getenv: func(string) (string, bool) { return "x", true }, ReadFile: func(string) ([]byte, error) { return []byte("x"), nil },
	}
	count := 0
	for name, text := range guides(t) {
		for _, block := range fencedCode(text, "yaml") {
			count++
			indent := len(block[1]) - len(strings.TrimLeft(block[1], " "))
			whole := strings.ReplaceAll("\n"+block[1], "\n"+strings.Repeat(" ", indent), "\n")
			if _, err := config.Parse(name, []byte(whole), env); err != nil {
				t.Error(err)
			}
		}
	}
	if count < 4 {
		t.Errorf("only %d configurations were found", count)
	}
}

func TestKeysInTheDocumentationExist(t *testing.T) {
	texts := guides(t)
	reference := texts[filepath.Join(root, "docs/configuration.md")]
	key := regexp.MustCompile(`^(?:mqtt|http|log)\.[a-z_]+$`)
	for name, text := range texts {
		for _, code := range inline.FindAllStringSubmatch(text, -1) {
			if key.MatchString(code[1]) && !strings.Contains(reference, "`"+code[1]+"`") {
				t.Errorf("%s: there is no key %s", name, code[1])
			}
		}
	}
}

func TestLinksInTheDocumentationLeadSomewhere(t *testing.T) {
	texts := guides(t)
	decisions, err := filepath.Glob(filepath.Join(root, "docs/adr/*.md"))
	if err != nil || len(decisions) == 0 {
		t.Fatal(err)
	}
	for _, name := range decisions {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	for name, text := range texts {
		for _, l := range linked.FindAllStringSubmatch(text, -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			path, heading, _ := strings.Cut(l[1], "#")
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", name, err)
			} else if heading != "" && !slices.Contains(anchors(texts[target]), heading) {
				t.Errorf("%s: %s has no heading #%s", name, target, heading)
			}
		}
	}
}

// anchors are the names that GitHub gives to headings.
func anchors(text string) (names []string) {
	for _, h := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		name := strings.ReplaceAll(strings.ToLower(h[1]), " ", "-")
		names = append(names, regexp.MustCompile(`[^a-z0-9_-]`).ReplaceAllString(name, ""))
	}
	return names
}
