package access

import (
	"embed"
	"fmt"
	"io/fs"
	"sort"
	"strings"
	"sync"
)

//go:embed defaults/*.aclpolicy
var defaultFiles embed.FS

// builtIn are the application policies that hold until a stored policy of the
// same name takes their place, by name.
var builtIn = func() map[string]string {
	out := map[string]string{}
	files, err := fs.Glob(defaultFiles, "defaults/*.aclpolicy")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		b, err := defaultFiles.ReadFile(f)
		if err != nil {
			panic(err)
		}
		if name := PolicyName(f); name != projectTemplate {
			out[name] = string(b)
		}
	}
	return out
}()

const projectTemplate = "project"

type builtInPolicy struct {
	policy string
	docs   []Document
}

var builtInDocs = sync.OnceValue(func() []builtInPolicy {
	var out []builtInPolicy
	for name, text := range builtIn {
		docs, problems := Parse("", name, []byte(text))
		if len(problems) > 0 {
			panic(fmt.Sprintf("built-in policy: %v", problems))
		}
		out = append(out, builtInPolicy{name, docs})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].policy < out[j].policy })
	return out
})

// DefaultProjectPolicy is what a new project starts with.
func DefaultProjectPolicy(project string) string {
	b, err := defaultFiles.ReadFile("defaults/" + projectTemplate + ".aclpolicy")
	if err != nil {
		panic(err)
	}
	return strings.ReplaceAll(string(b), "PROJECT", project)
}
