package backup

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
)

// archive reads members in the order in which they were written.
type archive struct {
	in   io.Reader
	tar  *tar.Reader
	next *tar.Header // read, not yet used
}

// peek gives the next member without using it up; nil at the end.
func (a *archive) peek() (*tar.Header, error) {
	if a.next != nil {
		return a.next, nil
	}
	h, err := a.tar.Next()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if h.Typeflag != tar.TypeReg || !fs.ValidPath(h.Name) || strings.ContainsAny(h.Name, "\\\x00") {
		return nil, fmt.Errorf("it has a member that no backup has: %.100q", h.Name)
	}
	a.next = h
	return h, nil
}

func (a *archive) take(name string) error {
	h, err := a.peek()
	if err != nil {
		return err
	}
	if h == nil {
		return io.ErrUnexpectedEOF
	}
	if h.Name != name {
		return fmt.Errorf("%s stands where %s belongs", h.Name, name)
	}
	a.next = nil
	return nil
}

func (a *archive) header() (h Header, err error) {
	if err := a.take(headerName); err != nil {
		return h, err
	}
	if err := decode(a.tar, &h); err != nil {
		return h, err
	}
	if h.Format < 1 || h.Schema < 1 {
		return h, errors.New("its header says nothing")
	}
	return h, nil
}

func (a *archive) manifest() (m Manifest, err error) {
	if err := a.take(manifestName); err != nil {
		return m, err
	}
	if err := decode(a.tar, &m); err != nil {
		return m, err
	}
	if h, err := a.peek(); err != nil || h != nil {
		return m, errors.Join(err, errors.New("something stands behind its manifest"))
	}
	// To the very end: the last bytes are the seal over all before.
	n, err := io.Copy(io.Discard, io.LimitReader(a.in, 1<<20))
	if err != nil {
		return m, noEOF(err)
	}
	if n == 1<<20 {
		return m, errors.New("something stands behind its end")
	}
	return m, nil
}

// loading gives the rows of one table over all its members.
type loading struct {
	a       *archive
	t       db.Table
	dialect db.Dialect
	n       int
	f       *frames
	err     error // why it ended early: a driver may hide it behind its own
}

func (a *archive) rows(t db.Table, d db.Dialect) *loading {
	return &loading{a: a, t: t, dialect: d}
}

func (l *loading) next() ([]any, error) {
	row, err := l.one()
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return row, err
}

func (l *loading) one() ([]any, error) {
	for {
		if l.f != nil {
			row, err := l.f.next()
			if err == nil && l.dialect == db.Postgres {
				err = unfit(l.t, row)
			}
			if !errors.Is(err, io.EOF) {
				return row, err
			}
			l.f = nil
		}
		h, err := l.a.peek()
		if err != nil {
			return nil, err
		}
		if h == nil || !strings.HasPrefix(h.Name, "tables/"+l.t.Name+"/") {
			return nil, io.EOF
		}
		l.n++
		if err := l.a.take(fmt.Sprintf("tables/%s/%06d", l.t.Name, l.n)); err != nil {
			return nil, err
		}
		if h.Size > maxRow+piece {
			return nil, fault.New(fault.TooLarge, "A part of the archive is larger than it can be.")
		}
		l.f = &frames{bufio.NewReaderSize(l.a.tar, 64<<10), l.t, h.Size}
	}
}

// blobs puts the files into root/blobs, which they cannot leave.
func (a *archive) blobs(ctx context.Context, root *os.Root) (BlobSum, error) {
	sum, total := sha256.New(), BlobSum{}
	for {
		h, err := a.peek()
		if err != nil {
			return total, damaged(err)
		}
		if h == nil || !strings.HasPrefix(h.Name, "blobs/") {
			total.SHA256 = hex.EncodeToString(sum.Sum(nil))
			return total, nil
		}
		if err := ctx.Err(); err != nil {
			return total, err
		}
		a.next = nil
		if h.Size > maxBlob {
			return total, fault.New(fault.TooLarge, "A part of the archive is larger than it can be.")
		}
		digest, err := a.file(root, h.Name, h.Size)
		if err != nil {
			return total, err
		}
		fmt.Fprintf(sum, "%q %d %x\n", strings.TrimPrefix(h.Name, "blobs/"), h.Size, digest)
		total.Count++
		total.Bytes += h.Size
	}
}

func (a *archive) file(root *os.Root, name string, size int64) ([]byte, error) {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return nil, err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, damaged(fmt.Errorf("%s is in it twice", name))
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	src := &source{r: a.tar}
	if _, err := io.CopyN(io.MultiWriter(f, h), src, size); err != nil {
		if src.err != nil {
			return nil, damaged(noEOF(src.err))
		}
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	return h.Sum(nil), f.Close()
}

// source remembers that it was the reading that failed, not the writing.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (n int, err error) {
	n, err = s.r.Read(p)
	s.err = err
	return n, err
}

// keys puts the keys and settings into root/keys, and the public key beside.
func (a *archive) keys(root *os.Root) ([]string, error) {
	names := []string{}
	for {
		h, err := a.peek()
		if err != nil {
			return nil, damaged(err)
		}
		if h == nil || !strings.HasPrefix(h.Name, "keys/") {
			return names, nil
		}
		a.next = nil
		name := strings.TrimPrefix(h.Name, "keys/")
		if !brought(name) || name == staging || h.Size > maxDocument {
			return nil, damaged(fmt.Errorf("it has a member that no backup has: %.100q", h.Name))
		}
		if _, err := a.file(root, h.Name, h.Size); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
}
