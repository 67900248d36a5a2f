package local

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// become finds the user that steps run as, with the groups they have.
func become(name string) (*user.User, *syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, nil, fmt.Errorf("there is no user %s on this machine to run steps as; make one (useradd --system --create-home %s) or change runs.local_user", name, name)
	}
	uid, err := number(u.Uid)
	if err != nil {
		return nil, nil, err
	}
	gid, err := number(u.Gid)
	if err != nil {
		return nil, nil, err
	}
	if uid == 0 || int64(uid) == int64(os.Geteuid()) {
		return nil, nil, fmt.Errorf("runs.local_user is %s, who can read Muster's keys; name a user of its own for steps", name)
	}
	if os.Geteuid() != 0 {
		return nil, nil, fmt.Errorf("runs.local_user is %s, but Muster does not run as root and cannot become another user; start it as root, or reach this machine by SSH as that user", name)
	}
	c := &syscall.Credential{Uid: uid, Gid: gid}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, nil, fmt.Errorf("read the groups of %s: %w", name, err)
	}
	for _, s := range ids {
		g, err := number(s)
		if err != nil {
			return nil, nil, err
		}
		c.Groups = append(c.Groups, g)
	}
	return u, c, nil
}

func number(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("the user or group %q has no number: %w", s, err)
	}
	return uint32(n), nil
}

// enters says whether steps may go into a folder.
func (e *Executor) enters(dir os.FileInfo) bool {
	st, ok := dir.Sys().(*syscall.Stat_t)
	if e.as == nil || !ok {
		return true
	}
	switch {
	case st.Uid == e.as.Uid:
		return dir.Mode()&0o100 != 0
	case st.Gid == e.as.Gid:
		return dir.Mode()&0o010 != 0
	}
	return dir.Mode()&0o001 != 0
}
