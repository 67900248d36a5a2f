// Package job is the versioned definitions: what a job does, which options it
// takes, where it runs. It reads Rundeck's job format, checks the values given
// to options, and puts values into commands.
//
// Two invariants. A version never changes once stored; a change is a new
// version. And the author's text is shell while every substituted value is
// data: whatever characters a value has, it reaches the command as one piece,
// byte for byte (see Template). Who may run a job, and running it, is left to
// access and run.
package job
