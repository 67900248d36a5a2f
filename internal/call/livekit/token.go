package livekit

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"golang.org/x/crypto/chacha20poly1305"

	"muster/internal/call"
	"muster/internal/fault"
)

// tokenLife is how long a ticket waits to be used. Who is connected is given
// fresh ones by the engine.
const tokenLife = 8 * time.Minute

// keyring mints and reads tokens.
type keyring struct{ key, secret string }

var errToken = fault.New(fault.Denied, "This ticket to the call is not valid any more. Join the call again.")

// issue mints a ticket's token. Attributes are seen by everybody in the room.
func (k keyring) issue(g call.Grant, attributes map[string]string) (string, error) {
	v := &auth.VideoGrant{RoomJoin: true, Room: g.Room}
	v.SetCanSubscribe(true)
	v.SetCanPublishData(false)
	v.SetCanUpdateOwnMetadata(false)
	if v.SetCanPublish(g.Mode == call.Table); g.Mode == call.Table {
		v.SetCanPublishSources(sources)
	}
	return auth.NewAccessToken(k.key, k.secret).SetVideoGrant(v).SetIdentity(g.Person).SetName(g.Name).SetAttributes(attributes).SetValidFor(tokenLife).ToJWT()
}

// signIn is the attribute in which a LiveKit elsewhere keeps by which sign-in
// somebody came, for us alone to read: it outlives a restart of Muster, and is
// that of the connection, not of who asked for a ticket last.
const signIn = "muster.sign_in"

func (k keyring) sealer() (cipher.AEAD, error) {
	key := sha256.Sum256([]byte("muster: sign-in of a call\n" + k.secret))
	return chacha20poly1305.NewX(key[:])
}

func (k keyring) seal(session string) (string, error) {
	a, err := k.sealer()
	if err != nil {
		return "", err
	}
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	_, _ = rand.Read(nonce)
	return base64.RawStdEncoding.EncodeToString(a.Seal(nonce, nonce, []byte(session), nil)), nil // #nosec G407 -- made anew above
}

// unseal gives "" for what is not ours.
func (k keyring) unseal(sealed string) string {
	a, err := k.sealer()
	b, bad := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil || bad != nil || len(b) < chacha20poly1305.NonceSizeX {
		return ""
	}
	session, err := a.Open(nil, b[:chacha20poly1305.NonceSizeX], b[chacha20poly1305.NonceSizeX:], nil)
	if err != nil {
		return ""
	}
	return string(session)
}

// sources are what may be published.
var sources = []livekit.TrackSource{livekit.TrackSource_MICROPHONE, livekit.TrackSource_CAMERA, livekit.TrackSource_SCREEN_SHARE, livekit.TrackSource_SCREEN_SHARE_AUDIO}

func (k keyring) read(token string) (call.Grant, error) {
	v, err := auth.ParseAPIToken(token)
	if err != nil || v.APIKey() != k.key {
		return call.Grant{}, errToken
	}
	_, claims, err := v.Verify(k.secret)
	if err != nil || claims.Video == nil || !claims.Video.RoomJoin || claims.Video.Room == "" || claims.Identity == "" {
		return call.Grant{}, errToken
	}
	g := call.Grant{Room: claims.Video.Room, Person: claims.Identity, Name: claims.Name, Mode: call.Gallery}
	if claims.Video.GetCanPublish() {
		g.Mode = call.Table
	}
	return g, nil
}

// admin is a token for one administrative call.
func (k keyring) admin(room string) (string, error) {
	return auth.NewAccessToken(k.key, k.secret).SetVideoGrant(&auth.VideoGrant{RoomCreate: true, RoomList: true, RoomAdmin: true, Room: room}).SetValidFor(time.Minute).ToJWT()
}

// recorder is a token for a participant whom nobody sees and who sends nothing.
func (k keyring) recorder(room string) (string, error) {
	v := &auth.VideoGrant{RoomJoin: true, Room: room, Hidden: true, Recorder: true}
	v.SetCanSubscribe(true)
	v.SetCanPublish(false)
	v.SetCanPublishData(false)
	v.SetCanUpdateOwnMetadata(false)
	return auth.NewAccessToken(k.key, k.secret).SetVideoGrant(v).SetIdentity(recorderName).SetValidFor(time.Minute).ToJWT()
}
