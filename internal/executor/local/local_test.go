package local_test

import (
	"os"
	"testing"
	"time"

	"muster/internal/executor/executortest"
	"muster/internal/executor/local"
	"muster/internal/executor/posix"
	"muster/internal/run"
)

func TestMain(m *testing.M) {
	os.Setenv("MUSTER_TEST_SECRET", "s3cret")
	os.Exit(m.Run())
}

func TestExecutor(t *testing.T) {
	executortest.Exercise(t, func(t *testing.T) executortest.Fixture {
		e := local.New(local.Options{Limits: posix.Limits{Grace: 500 * time.Millisecond, Drain: 500 * time.Millisecond}})
		t.Cleanup(func() { e.Close() })
		return executortest.Fixture{Executor: e, Node: run.Target{Name: "localhost", Hostname: "localhost"}}
	})
}
