//go:build !linux

package doctor

// unsynchronised is not known here.
func unsynchronised() (bool, error) { return false, nil }
