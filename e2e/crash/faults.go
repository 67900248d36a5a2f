package main

import "context"

// fault is something that goes wrong under Muster.
type fault struct {
	group, name string
	run         func(o *options, ctx context.Context, dir string) (*bank, []string, error)
}

var faults = []fault{}
