package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

type gatewayCmd struct {
	List   gatewayList   `cmd:"" help:"List gateways."`
	Add    gatewayAdd    `cmd:"" help:"Add a gateway; a secret is made and printed once unless one is given."`
	Update gatewayUpdate `cmd:"" help:"Change a gateway."`
	Delete gatewayDelete `cmd:"" help:"Remove a gateway, and everybody's number there."`
	Log    gatewayLog    `cmd:"" help:"Show what was sent through a gateway and what it answered."`
}

type gatewayList struct{}

func (gatewayList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	gs, err := list[gateway](ctx, c, "/gateways")
	if err != nil {
		return err
	}
	return printList(s, gs, "No gateways yet. Add one: muster gateway add SMS https://sms.bank.example/muster",
		[]string{"NAME", "URL", "ADDRESS", ""}, func(g gateway) []string {
			note := ""
			if !g.Enabled {
				note = "switched off"
			}
			return []string{g.Name, g.URL, g.Address, note}
		})
}

type gatewayAdd struct {
	Name        string `arg:"" help:"As people read it, such as SMS."`
	URL         string `arg:"" help:"What takes the messages."`
	Address     string `help:"What a person's address there is called, such as Mobile number."`
	SecretStdin bool   `help:"Read the secret from the standard input."`
}

func (a gatewayAdd) Run(ctx context.Context, s *session) error {
	in := map[string]any{"name": a.Name, "url": a.URL}
	if a.Address != "" {
		in["address"] = a.Address
	}
	if err := a.secret(s, in); err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	g, err := post[gateway](ctx, c, "/gateways", in)
	if err != nil {
		return err
	}
	if g.Secret != "" {
		return s.result(g, "%s was added. Secret, shown only now: %s\n", clean(g.Name), g.Secret)
	}
	return s.result(g, "%s was added.\n", clean(g.Name))
}

func (a gatewayAdd) secret(s *session, in map[string]any) error {
	if !a.SecretStdin {
		return nil
	}
	secret, err := secretFrom(s.std.In)
	in["secret"] = secret
	return err
}

type gatewayUpdate struct {
	Gateway     string `arg:"" help:"Name or id."`
	Name        string `help:"A new name."`
	URL         string `help:"Another address that takes the messages."`
	Address     string `help:"What a person's address there is called."`
	Enable      bool   `xor:"on" help:"Switch it on."`
	Disable     bool   `xor:"on" help:"Switch it off."`
	SecretStdin bool   `help:"Read a new secret from the standard input."`
}

func (u gatewayUpdate) Run(ctx context.Context, s *session) error {
	in := map[string]any{}
	for name, v := range map[string]string{"name": u.Name, "url": u.URL, "address": u.Address} {
		if v != "" {
			in[name] = v
		}
	}
	if u.Enable || u.Disable {
		in["enabled"] = u.Enable
	}
	if err := (gatewayAdd{SecretStdin: u.SecretStdin}).secret(s, in); err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	var g gateway
	if err := c.call(ctx, http.MethodPatch, "/gateways/"+url.PathEscape(u.Gateway), in, &g); err != nil {
		return err
	}
	return s.result(g, "%s was changed.\n", clean(g.Name))
}

type gatewayDelete struct {
	Gateway string `arg:"" help:"Name or id."`
}

func (d gatewayDelete) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodDelete, "/gateways/"+url.PathEscape(d.Gateway), nil, nil); err != nil {
		return err
	}
	return s.result(map[string]string{"deleted": d.Gateway}, "%s was removed.\n", clean(d.Gateway))
}

type gatewayLog struct {
	Gateway string `arg:"" help:"Name or id."`
}

func (l gatewayLog) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	ds, err := list[delivered](ctx, c, "/gateways/"+url.PathEscape(l.Gateway)+"/deliveries")
	if err != nil {
		return err
	}
	return printList(s, ds, "Nothing was sent yet.",
		[]string{"AT", "WHAT", "OUTCOME", "ANSWER"}, func(d delivered) []string {
			outcome := "sent"
			if !d.Sent {
				outcome = strings.TrimSuffix(d.Error, ".")
			}
			return []string{d.At.UTC().Format("2006-01-02 15:04:05Z"), d.Title, outcome, dash(d.Answer)}
		})
}
