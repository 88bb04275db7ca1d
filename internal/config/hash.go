package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Hash names what this file makes a replica do to lists: two replicas of the same hash would do the same.
// It covers the revision, accounts and destinations with their defaults, not how this process reaches
// its broker, logs or listens, and no key: rotating one is no other configuration. 16 hex digits.
func (c *Config) Hash() string {
	accounts := make([]Account, len(c.Accounts))
	copy(accounts, c.Accounts)
	for i := range accounts {
		accounts[i].APIKey, accounts[i].APIKeyFile = "", ""
	}
	encoded, err := json.Marshal(struct {
		Revision     uint64
		Accounts     []Account
		Destinations []Destination
	}{c.Revision, accounts, c.Destinations})
	if err != nil {
		panic("config: plain structs can't be encoded: " + err.Error()) // no channel, func or NaN in them
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}
