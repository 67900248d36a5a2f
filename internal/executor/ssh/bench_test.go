package ssh

import (
	"context"
	"fmt"
	"testing"

	"muster/internal/executor/executortest"
	"muster/internal/executor/sshd"
)

// BenchmarkTrue50 runs `true` on fifty nodes at once, over new connections and
// over kept ones. The nodes are one sshd that is logged in to fifty times.
func BenchmarkTrue50(b *testing.B) {
	s := server(b, sshd.Options{})
	all := func(b *testing.B, f executortest.Fixture) {
		var ends []<-chan executortest.Ended
		for i := range 50 {
			in := f.Command("true")
			in.HostKeys = append(in.HostKeys[:1:1], fmt.Sprintf("# node %d", i)) // another node, another connection
			ends = append(ends, executortest.Go(context.Background(), f.Executor, in, executortest.NewLog()))
		}
		for _, e := range ends {
			if e := executortest.Await(b, e); e.Err != nil || e.Result.ExitCode != 0 {
				b.Fatalf("%+v (cause %v)", e, cause(e.Err))
			}
		}
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			f := fixture(b, s, Options{})
			all(b, f)
			_ = f.Executor.Close()
		}
	})
	b.Run("kept", func(b *testing.B) {
		f := fixture(b, s, Options{})
		all(b, f)
		for b.Loop() {
			all(b, f)
		}
	})
}
