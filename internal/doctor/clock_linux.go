package doctor

import "syscall"

// unsynchronised asks the kernel whether something keeps its clock right.
func unsynchronised() (bool, error) {
	var t syscall.Timex
	state, err := syscall.Adjtimex(&t)
	const lost = 5 // TIME_ERROR
	return state == lost, err
}
