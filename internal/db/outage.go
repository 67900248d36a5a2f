package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"muster/internal/fault"
)

// Outage says in words that are safe to show why the database could not do its
// work, when that is neither the caller's doing nor ours: it is gone, its disk
// is full or fails. "" for any other error.
func Outage(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case pg.Code == "53100":
			return "The database's disk is full. Make room there; nothing has to be restarted."
		case strings.HasPrefix(pg.Code, "53"):
			return "The database has no room for more work. Try again, and raise its limits (max_connections, memory) if it stays."
		case strings.HasPrefix(pg.Code, "58"), strings.HasPrefix(pg.Code, "XX001"):
			return "The database's disk fails. Its own log says more."
		case pg.Code == "25006":
			return "The database takes no changes: it is a standby, or was set to read only."
		case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "57P"):
			return gone
		}
		return ""
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_FULL:
			return "The disk of the data folder is full. Make room there; nothing has to be restarted."
		case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
			return "The disk of the data folder cannot be read or written. Look at it and at its free space; the system's log says more."
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return "The database file cannot be understood: its disk fails, or it is damaged. Look at the disk first; if it is sound, restore the last backup."
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return "Another program keeps the database file locked. End that program."
		}
		return ""
	}
	var network net.Error
	var connect *pgconn.ConnectError
	switch {
	case errors.Is(err, errBroken):
		return "The database could not store this. Check the disk of the data folder."
	case errors.Is(err, errGaveUp), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &connect):
		return gone
	case errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded):
		return gone
	case pgconn.SafeToRetry(err):
		return gone
	}
	return ""
}

const gone = "The database does not answer."

// errGaveUp is the cause of a transaction that waited too long for its database.
var errGaveUp = errors.New("the database did not answer in time")

// explain gives an outage its kind. What is classified already stays as it is.
func explain(err error, after string) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	if text := Outage(err); text != "" {
		return fault.Wrap(fault.Unavailable, text+" "+after, err)
	}
	return err
}

const (
	unchanged = "Nothing was changed; try again."
	uncertain = "Whether this was stored is not known. Look first, or send it again under the same key."
)
