// Command muster is the whole of Muster: the server, and the command line that talks to it.
package main

import (
	"context"
	"os"

	"muster/internal/app"
)

func main() { os.Exit(app.Run(context.Background(), os.Args[1:])) }
