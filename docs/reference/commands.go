package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"muster/internal/cli"
)

// commands writes the page of the command line from its grammar.
func commands() ([]byte, error) {
	app, err := cli.Model()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("# Command reference\n\n" + made +
		"Every command and flag of `muster`, made from its own grammar; `muster COMMAND --help` prints the same. How to point it at a Muster, what it prints and how it ends is in [command line](cli.md).\n\n" +
		"## Every command\n\nThese flags go with all of them.\n\n")
	flags(&b, app.Flags)
	for _, n := range app.Children {
		if n.Hidden {
			continue
		}
		fmt.Fprintf(&b, "## %s\n\n", n.Name)
		if len(n.Children) == 0 {
			leaf(&b, n)
			continue
		}
		if n.Help != "" {
			fmt.Fprintf(&b, "%s\n\n", n.Help)
		}
		for _, c := range leaves(n) {
			fmt.Fprintf(&b, "### %s\n\n", path(c))
			leaf(&b, c)
		}
	}
	return []byte(strings.TrimRight(b.String(), "\n") + "\n"), nil
}

func leaves(n *kong.Node) (out []*kong.Node) {
	if len(n.Children) == 0 {
		return []*kong.Node{n}
	}
	for _, c := range n.Children {
		if !c.Hidden {
			out = append(out, leaves(c)...)
		}
	}
	return out
}

// path is the words one types, without muster.
func path(n *kong.Node) string {
	words := n.Name
	for p := n.Parent; p != nil && p.Type == kong.CommandNode; p = p.Parent {
		words = p.Name + " " + words
	}
	return words
}

func leaf(b *strings.Builder, n *kong.Node) {
	usage := "muster " + path(n)
	for _, p := range n.Positional {
		usage += " " + p.Summary()
	}
	if len(own(n.Flags)) > 0 {
		usage += " [flags]"
	}
	fmt.Fprintf(b, "%s\n\n```console\n$ %s\n```\n\n", n.Help, usage)
	if len(n.Positional) > 0 {
		b.WriteString("| Argument | Meaning |\n|---|---|\n")
		for _, p := range n.Positional {
			fmt.Fprintf(b, "| `%s` | %s |\n", p.Summary(), said(p))
		}
		b.WriteString("\n")
	}
	flags(b, own(n.Flags))
}

func own(all []*kong.Flag) (out []*kong.Flag) {
	for _, f := range all {
		if !f.Hidden && f.Name != "help" {
			out = append(out, f)
		}
	}
	return out
}

func flags(b *strings.Builder, all []*kong.Flag) {
	rows := 0
	for _, f := range all {
		if f.Hidden {
			continue
		}
		if rows == 0 {
			b.WriteString("| Flag | Meaning |\n|---|---|\n")
		}
		rows++
		name := "--" + f.Name
		if f.Short != 0 {
			name = "-" + string(f.Short) + ", " + name
		}
		if !f.IsBool() {
			name += "=" + strings.ReplaceAll(f.FormatPlaceHolder(), "|", "\\|")
		}
		text := said(f.Value)
		if f.Required {
			text += " Required."
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, text)
	}
	if rows > 0 {
		b.WriteString("\n")
	}
}

func said(v *kong.Value) string {
	text := strings.ReplaceAll(v.Help, "|", "\\|")
	if v.HasDefault && v.Default != "" && !strings.Contains(text, v.Default) {
		text += " Default: `" + v.Default + "`."
	}
	if v.Enum != "" {
		text += " One of `" + strings.ReplaceAll(v.Enum, ",", "`, `") + "`."
	}
	return strings.TrimSpace(text)
}
