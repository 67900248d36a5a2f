package freeport

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestMain: as a child it gives ports, says them and ends when it is told to.
func TestMain(m *testing.M) {
	if os.Getenv("FREEPORT_CHILD") == "" {
		os.Exit(m.Run())
	}
	for range 200 {
		p, err := TCP()
		if err != nil {
			panic(err)
		}
		os.Stdout.WriteString(strconv.Itoa(p) + "\n")
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func TestAPortIsGivenOnce(t *testing.T) {
	given := map[int]bool{}
	note := func(p int) {
		t.Helper()
		if given[p] {
			t.Fatalf("port %d was given twice", p)
		}
		given[p] = true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), "FREEPORT_CHILD=1")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = child.Wait() }()
	said := ""
	for buf := make([]byte, 4096); strings.Count(said, "\n") < 200; {
		n, err := out.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		said += string(buf[:n])
	}
	for _, word := range strings.Fields(said) {
		p, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		note(p)
	}
	for range 200 {
		p, err := TCP()
		if err != nil {
			t.Fatal(err)
		}
		note(p)
		if p, err = UDP(); err != nil {
			t.Fatal(err)
		}
		note(p)
	}
}

// What the kernel gives to others is never among them.
func TestOutsideTheKernelsRange(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p, err := TCP()
	if err != nil {
		t.Fatal(err)
	}
	if kernel := ln.Addr().(*net.TCPAddr).Port; p >= kernelRange() || kernel < kernelRange() {
		t.Errorf("given %d, kernel gives %d, range begins at %d", p, kernel, kernelRange())
	}
}
