package account

import "github.com/alexedwards/argon2id"

// Tests are about the rules around the hash: a cheap one keeps them quick.
func init() {
	params = &argon2id.Params{Memory: 256, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}
