package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// dials are the ways out of the machine. Only package outbound uses them: it
// alone checks where they lead.
var dials = map[string][]string{
	"net": {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "Dialer", "Resolver", "DefaultResolver", "LookupHost", "LookupIP", "LookupAddr",
		"LookupCNAME", "LookupMX", "LookupNS", "LookupSRV", "LookupTXT", "ListenPacket", "ListenUDP", "ListenMulticastUDP"},
	"net/http":                   {"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm"},
	"crypto/tls":                 {"Dial", "DialWithDialer", "Dialer"},
	"net/smtp":                   {"Dial", "SendMail"},
	"golang.org/x/crypto/ssh":    {"Dial"},
	"golang.org/x/net/websocket": {"Dial", "DialConfig"},
	"github.com/coder/websocket": {"Dial"},
}

// goOut may: the command line is a client on a person's own machine, and doctor
// asks its own server whether it answers, and tries its ports; the media engine speaks to its own
// child over a Unix socket, and to a LiveKit elsewhere by the client it is given; a peer is a client
// of this same server, and livekittest of the LiveKit that it started for a test; the demo's colleagues are clients of
// this same server; freeport binds a UDP
// port to see that it is free, and sends nothing.
var goOut = map[string][]string{
	"outbound": nil, "cli": nil, "freeport": {"net"}, "doctor": {"net", "net/http"}, "call/livekit": {"net", "net/http"}, "demo": {"net/http"},
	"call/livekit/peer": {"net/http", "github.com/coder/websocket"}, "call/livekit/livekittest": {"net/http"},
}

func TestOnlyOutboundDials(t *testing.T) {
	seen := false
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		pkg := filepath.ToSlash(filepath.Dir(file))
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			return err
		}
		names := map[string]string{} // of imports that can dial, as the file calls them
		for _, imp := range f.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			if dials[path] == nil {
				continue
			}
			name := path[strings.LastIndexByte(path, '/')+1:]
			if imp.Name != nil {
				name = imp.Name.Name
			}
			if name == "." {
				t.Errorf("%s imports %s with a dot, which hides what it dials", file, path)
			}
			names[name] = path
		}
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok || !slices.Contains(dials[names[x.Name]], sel.Sel.Name) {
				return true
			}
			if only, ok := goOut[pkg]; ok && (only == nil || slices.Contains(only, names[x.Name])) {
				seen = seen || pkg == "outbound"
				return true
			}
			t.Errorf("%s uses %s.%s: connect with muster/internal/outbound, which checks where it leads", set.Position(sel.Pos()), x.Name, sel.Sel.Name)
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !seen {
		t.Error("nothing was found in package outbound either: this test no longer looks")
	}
}
