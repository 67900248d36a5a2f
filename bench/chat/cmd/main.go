// Command cmd runs the chat part of the benchmarks alone.
//
//	go run ./bench/chat/cmd [-short] [-only latency,memory]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"muster/bench/chat"
	"muster/e2e/host"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == chat.FloorArg {
		fmt.Fprintln(os.Stderr, "floor:", chat.ServeFloor(os.Args[2]))
		os.Exit(1)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	short := flag.Bool("short", false, "small counts: does it work, not how fast is it")
	only := flag.String("only", "", "parts, separated by commas: "+strings.Join(chat.Parts, ", "))
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "muster-chat-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	env := chat.Env{Dir: dir, Short: *short, Log: os.Stderr}
	if *only != "" {
		env.Only = strings.Split(*only, ",")
	}
	if env.Bin, err = host.Build(dir, false); err != nil {
		return err
	}
	results, err := chat.Run(ctx, env)
	for _, r := range results {
		fmt.Println(r)
	}
	return err
}
