package office

import "muster/internal/account"

// State is what is shown of a person. What they say of themselves stands before
// what their devices tell; a call is seen whatever they say, unless they do not
// want to be disturbed.
func State(said account.Availability, reach Reach, talks bool) string {
	switch {
	case reach == Gone:
		return string(reach)
	case said.State == "dnd":
		return said.State
	case talks:
		return "call"
	case said.State == "" || said.State == "available":
		return string(reach)
	}
	return said.State
}
