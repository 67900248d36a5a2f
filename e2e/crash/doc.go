// Command crash proves that what Muster acknowledged survives: it runs the
// built server under load (chat, sockets, alerts, runs on a real sshd,
// approvals, pages that fall due), kills it at random moments, takes its disk
// or its database away, moves its clock, and then looks whether everything
// that was acknowledged is there exactly once.
//
// Invariant: the harness believes only what it saw itself: answers it was given
// (the book), what the node's own file says was executed, and what socket
// clients pieced together. It changes nothing inside the server and leaves
// nothing running. A seed repeats its choices and the delays of its kills;
// the interleaving inside the server is the machine's.
//
// usage: go run ./e2e/crash [-kills N] [-engine sqlite,postgres] [-faults LIST] [-seed S] [-report FILE]
package main
