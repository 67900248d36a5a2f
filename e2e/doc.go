// Package e2e tells Muster's stories from outside: scripts/*.txtar walk them on
// the command line against the built binary, browser/*.story.mjs in a browser.
// Nothing here looks inside the program; what a story needs of the world (an
// sshd, somebody who posts alerts) is real.
package e2e
