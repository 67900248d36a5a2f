// Package docs holds the documentation to its word: every link and anchor
// leads somewhere, every picture is there and used, every page is in the index.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// pictureLimit keeps the clone and the binary small: the guide's pictures are in both.
const pictureLimit = 120_000

var (
	fence   = regexp.MustCompile("^\\s*(```+|~~~+)")
	heading = regexp.MustCompile(`^#{1,6}\s+(.+?)\s*#*$`)
	link    = regexp.MustCompile(`(!?)\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)`)
	code    = regexp.MustCompile("`[^`]*`")
	label   = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
)

// slug is the name of a heading in an address, as the app and GitHub write it.
func slug(text string) string {
	text = label.ReplaceAllString(text, "$1")
	text = strings.NewReplacer("**", "", "__", "", "`", "").Replace(text)
	return strings.ReplaceAll(strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == ' ' || r == '-' || r == '_' {
			return unicode.ToLower(r)
		}
		return -1
	}, text)), " ", "-")
}

// page is what a file offers and asks for.
type page struct {
	anchors map[string]bool
	links   []string
	images  []string
}

func read(t *testing.T, file string) page {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := page{anchors: map[string]bool{}}
	taken := map[string]int{}
	in := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if m := fence.FindStringSubmatch(line); m != nil {
			switch {
			case in == "":
				in = m[1]
			case strings.HasPrefix(m[1], in):
				in = ""
			}
			continue
		}
		if in != "" {
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			name := slug(m[1])
			if n := taken[name]; n > 0 {
				p.anchors[name+"-"+string(rune('0'+n))] = true
			} else {
				p.anchors[name] = true
			}
			taken[name]++
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(line, ""), -1) {
			if m[1] == "!" {
				p.images = append(p.images, m[2])
			} else {
				p.links = append(p.links, m[2])
			}
		}
	}
	return p
}

// pages are all markdown files of the repository that people read.
func pages(t *testing.T) []string {
	t.Helper()
	files := []string{"../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md"}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestLinksLeadSomewhere(t *testing.T) {
	known := map[string]page{}
	for _, f := range pages(t) {
		known[filepath.Clean(f)] = read(t, f)
	}
	for file, p := range known {
		for _, l := range slices.Concat(p.links, p.images) {
			if strings.Contains(l, "://") || strings.HasPrefix(l, "mailto:") {
				continue
			}
			path, anchor, _ := strings.Cut(l, "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", file, l)
				continue
			}
			if to, ok := known[filepath.Clean(target)]; ok && anchor != "" && !to.anchors[anchor] {
				t.Errorf("%s links to %s: %s has no such heading", file, l, target)
			}
		}
	}
}

func TestPicturesAreUsedAndSmall(t *testing.T) {
	used := map[string]bool{}
	for _, f := range pages(t) {
		for _, i := range read(t, f).images {
			path, err := filepath.Abs(filepath.Join(filepath.Dir(f), i))
			if err != nil {
				t.Fatal(err)
			}
			used[path] = true
		}
	}
	pictures, err := filepath.Glob("img/*")
	if err != nil || len(pictures) == 0 {
		t.Fatalf("no picture in docs/img (%v): make shots", err)
	}
	for _, p := range pictures {
		st, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if st.Size() > pictureLimit {
			t.Errorf("docs/%s has %d bytes, more than %d: crop it in e2e/browser/guide.mjs", p, st.Size(), pictureLimit)
		}
		if path, err := filepath.Abs(p); err != nil || !used[path] {
			t.Errorf("docs/%s is on no page: show it, or take it out of e2e/browser/guide.mjs", p)
		}
	}
}

func TestIndexNamesEveryPageOnce(t *testing.T) {
	text, err := os.ReadFile("guide/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("guide/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		if name == "README.md" {
			continue
		}
		rows := 0
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "| [") && strings.Contains(line, "]("+name+") |") {
				rows++
			}
		}
		if rows != 1 {
			t.Errorf("docs/%s has %d rows in docs/guide/README.md, where the app takes its contents from: give it one", f, rows)
		}
	}
}
