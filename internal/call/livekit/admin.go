package livekit

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/livekit/protocol/livekit"
	"github.com/twitchtv/twirp"

	"muster/internal/call"
)

// admin speaks LiveKit's RoomService, wherever it is.
type admin struct {
	keyring
	rooms  livekit.RoomService
	base   string
	client *http.Client
}

func newAdmin(k keyring, base string, c *http.Client) admin {
	return admin{k, livekit.NewRoomServiceProtobufClient(base, c), base, c}
}

func (a admin) as(ctx context.Context, room string) (context.Context, error) {
	token, err := a.keyring.admin(room)
	if err != nil {
		return nil, err
	}
	return twirp.WithHTTPRequestHeaders(ctx, http.Header{"Authorization": {"Bearer " + token}})
}

// gone says that the room or participant is not there any more.
func gone(err error) bool {
	var e twirp.Error
	return errors.As(err, &e) && e.Code() == twirp.NotFound
}

// Open makes a room.
func (a admin) Open(ctx context.Context, room string) error {
	ctx, err := a.as(ctx, room)
	if err != nil {
		return err
	}
	if _, err := a.rooms.CreateRoom(ctx, &livekit.CreateRoomRequest{Name: room}); err != nil {
		return fmt.Errorf("open a call: %w", err)
	}
	return nil
}

// Permit lets somebody in a room speak, or only listen.
func (a admin) Permit(ctx context.Context, room, person string, m call.Mode) error {
	ctx, err := a.as(ctx, room)
	if err != nil {
		return err
	}
	p := &livekit.ParticipantPermission{CanSubscribe: true, CanPublish: m == call.Table}
	if p.CanPublish {
		p.CanPublishSources = sources
	}
	if _, err := a.rooms.UpdateParticipant(ctx, &livekit.UpdateParticipantRequest{Room: room, Identity: person, Permission: p}); err != nil && !gone(err) {
		return fmt.Errorf("permit a participant: %w", err)
	}
	return nil
}

// Mute closes whatever sound somebody sends, whichever source they say it has.
func (a admin) Mute(ctx context.Context, room, person string) error {
	ctx, err := a.as(ctx, room)
	if err != nil {
		return err
	}
	p, err := a.rooms.GetParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: person})
	if gone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find a participant: %w", err)
	}
	for _, t := range p.Tracks {
		if t.Type != livekit.TrackType_AUDIO || t.Muted {
			continue
		}
		if _, err := a.rooms.MutePublishedTrack(ctx, &livekit.MuteRoomTrackRequest{Room: room, Identity: person, TrackSid: t.Sid, Muted: true}); err != nil && !gone(err) {
			return fmt.Errorf("mute a participant: %w", err)
		}
	}
	return nil
}

// Remove ends somebody's connection.
func (a admin) Remove(ctx context.Context, room, person string) error {
	ctx, err := a.as(ctx, room)
	if err != nil {
		return err
	}
	if _, err := a.rooms.RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{Room: room, Identity: person}); err != nil && !gone(err) {
		return fmt.Errorf("remove a participant: %w", err)
	}
	return nil
}
