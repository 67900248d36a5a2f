package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"

	"muster/internal/fault"
)

// Recipients reads for whom a backup is encrypted: age recipients given one by
// one, files of them, and at most one file with a passphrase, which cannot be
// mixed with the others.
func Recipients(given []string, files []string, passphraseFile string) ([]age.Recipient, error) {
	out := []age.Recipient{}
	for _, g := range given {
		rs, err := age.ParseRecipients(strings.NewReader(g))
		if err != nil {
			return nil, fault.Newf(fault.Invalid, "%q is not an age recipient. It begins with age1; make a pair with: muster backup keygen --out FILE", g)
		}
		out = append(out, rs...)
	}
	for _, f := range files {
		// #nosec G304 -- a key file that the administrator names
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "The recipients file cannot be read: "+err.Error(), err)
		}
		rs, err := age.ParseRecipients(bytes.NewReader(b))
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, fmt.Sprintf("%s is not a file of age recipients (a line each, beginning with age1): %v.", f, err), err)
		}
		out = append(out, rs...)
	}
	if passphraseFile == "" {
		return out, nil
	}
	if len(out) > 0 {
		return nil, fault.New(fault.Invalid, "A backup is encrypted for recipients or with a passphrase, not both.")
	}
	pass, err := passphrase(passphraseFile)
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(pass)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "The passphrase cannot be used.", err)
	}
	return []age.Recipient{r}, nil
}

// Identities reads what opens a backup.
func Identities(file, passphraseFile string) ([]age.Identity, error) {
	out := []age.Identity{}
	if file != "" {
		// #nosec G304 -- a key file that the administrator names
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "The identity file cannot be read: "+err.Error(), err)
		}
		ids, err := age.ParseIdentities(bytes.NewReader(b))
		if err != nil {
			return nil, fault.Newf(fault.Invalid, "%s is not an age identity file. It has a line that begins with AGE-SECRET-KEY-.", file)
		}
		out = append(out, ids...)
	}
	if passphraseFile != "" {
		pass, err := passphrase(passphraseFile)
		if err != nil {
			return nil, err
		}
		id, err := age.NewScryptIdentity(pass)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "The passphrase cannot be used.", err)
		}
		out = append(out, id)
	}
	return out, nil
}

// shortest is what a passphrase needs at least: the file may be attacked at leisure.
const shortest = 16

func passphrase(file string) (string, error) {
	// #nosec G304 -- a key file that the administrator names
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "The passphrase file cannot be read: "+err.Error(), err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSuffix(line, "\r")
	if len(line) < shortest {
		return "", fault.Newf(fault.Invalid, "The first line of %s is the passphrase; it needs at least %d characters.", file, shortest)
	}
	return line, nil
}

// NewIdentity makes a pair: what Identities reads, and its recipient.
func NewIdentity() (file, recipient string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", "", fmt.Errorf("make an identity: %w", err)
	}
	recipient = id.Recipient().String()
	return "# Opens backups made for " + recipient + "\n# Keep it away from the machine that is backed up.\n" + id.String() + "\n", recipient, nil
}

// unseal gives the archive's tar, whatever it is wrapped in.
func unseal(r io.Reader, ids []age.Identity) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(22)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	var in io.Reader = b
	switch {
	case bytes.HasPrefix(head, []byte("age-encryption.org/v1\n")):
		if len(ids) == 0 {
			return nil, fault.New(fault.Invalid, "The backup is encrypted. Give --identity FILE with the age identity it was made for, or --passphrase-file FILE.")
		}
		if in, err = age.Decrypt(b, ids...); err != nil {
			if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
				return nil, fault.Wrap(fault.Denied, "The key or passphrase you gave does not open this backup. It was made for another one.", err)
			}
			return nil, damaged(err)
		}
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
	default:
		return nil, fault.New(fault.Invalid, "This file is not a Muster backup, or its beginning is damaged.")
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, damaged(err)
	}
	return z, nil
}

// damaged is for everything that an archive which left us whole cannot contain.
func damaged(err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fault.Wrap(fault.Conflict, "The backup ends too early: it was cut off, perhaps by a copy that did not finish. Use another one.", err)
	}
	return fault.Wrap(fault.Conflict, fmt.Sprintf("The backup is damaged, cut off, or was changed (%v). Use another one.", err), err)
}
