// Command muster is the whole of Muster: the server, and the command line that talks to it.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // rotations name time zones; a small machine may know none

	"muster/internal/app"
)

func main() { os.Exit(app.Run(context.Background(), os.Args[1:])) }
