package host

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Told writes down what people wrote and read: each room with its messages, each
// incident with its timeline, as c's person sees them. Releases keep it, for later
// builds have to tell the same.
func Told(ctx context.Context, c *Client) (string, error) {
	var out strings.Builder
	var rooms struct {
		Items []struct{ ID, Name string }
	}
	if err := c.Call(ctx, "GET", "/rooms", nil, &rooms); err != nil {
		return "", err
	}
	for _, r := range rooms.Items {
		var said struct {
			Items []struct {
				Seq  int64
				Text string
			}
		}
		if err := c.Call(ctx, "GET", "/rooms/"+url.PathEscape(r.ID)+"/messages?limit=200", nil, &said); err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "room %s\n", r.Name)
		for _, m := range said.Items {
			fmt.Fprintf(&out, "  %d %q\n", m.Seq, m.Text)
		}
	}
	var incidents struct {
		Items []struct{ ID, Ticket, Title string }
	}
	if err := c.Call(ctx, "GET", "/incidents?state=all", nil, &incidents); err != nil {
		return "", err
	}
	for _, i := range incidents.Items {
		var line struct {
			Items []struct {
				At   time.Time
				Text string
			}
		}
		if err := c.Call(ctx, "GET", "/incidents/"+url.PathEscape(i.ID)+"/timeline", nil, &line); err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "incident %s %s\n", i.Ticket, i.Title)
		for _, e := range line.Items {
			fmt.Fprintf(&out, "  %s %s\n", e.At.UTC().Format(time.DateTime), e.Text)
		}
	}
	return out.String(), nil
}
