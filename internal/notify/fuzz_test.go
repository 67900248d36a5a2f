package notify

import (
	"bytes"
	"io"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"muster/internal/account"
)

// FuzzMail: whatever an incident is called and however a person is, the mail has
// one recipient, the headers we give it and no others.
func FuzzMail(f *testing.F) {
	m := Mail{Host: "mail.test", From: "Muster <muster@bank.example>"}
	f.Add("ann@bank.example", "Ann Example", "INC-2041 Payments are rejected", "because")
	f.Add("ann@bank.example\r\nBcc: eve@evil.test", "A\r\nBcc: eve@evil.test", "x\r\nBcc: eve@evil.test\r\n\r\nbody", ".\r\n..\r\n")
	f.Add("\"a b\"@bank.example", "=?utf-8?q?a?=", "=?utf-8?b?DQpCY2M6IGE=?= \u2028 é", "-- \n")
	f.Add("ann@bank.example, eve@evil.test", "<eve@evil.test>", strings.Repeat("long ", 300), "\x00\x1b[31m")
	f.Add("Ann <ann@bank.example>", "", "\u0085\v\f", "\r")
	f.Fuzz(func(t *testing.T, address, display, subject, body string) {
		n := Notification{ID: "n1", Kind: "page", Title: subject, Body: body, Link: "/rooms/1", CreatedAt: time.Unix(1_790_000_000, 0), subject: subject}
		msg, err := m.message(n, account.User{Email: address, Display: display}, "https://muster.test")
		if err != nil {
			return
		}
		to, err := msg.GetRecipients()
		if err != nil || len(to) != 1 || strings.ContainsAny(to[0], "\r\n") {
			t.Fatalf("%q goes to %q, %v", address, to, err)
		}
		var out bytes.Buffer
		if _, err := msg.WriteTo(&out); err != nil {
			t.Fatalf("%q, %q: %v", display, subject, err)
		}
		got, err := netmail.ReadMessage(&out)
		if err != nil {
			t.Fatalf("%q, %q is no mail: %v", display, subject, err)
		}
		for name, values := range got.Header {
			switch name {
			case "From", "To", "Subject", "Date", "Message-Id", "Auto-Submitted", "Mime-Version", "Content-Type", "Content-Transfer-Encoding", "User-Agent", "X-Mailer", "Importance", "Priority", "X-Priority", "X-Msmail-Priority":
			default:
				t.Fatalf("%q, %q, %q: the mail has the header %s: %q", address, display, subject, name, values)
			}
			if len(values) != 1 {
				t.Fatalf("%s: %q", name, values)
			}
		}
		meant, err := netmail.ParseAddress(to[0])
		if err != nil {
			t.Fatalf("%q goes to %q: %v", address, to[0], err)
		}
		if all, err := got.Header.AddressList("To"); err != nil || len(all) != 1 || all[0].Address != meant.Address {
			t.Fatalf("%q, %q: to %v and %q, %v", address, display, all, to, err)
		}
		if _, err := io.ReadAll(got.Body); err != nil {
			t.Fatal(err)
		}
	})
}
