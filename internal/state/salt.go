package state

import "encoding/json"

// readMeta reads a snapshot's head. The salt of its tombstones is in it, so that they match whatever the installation
// is that reads it (H35); snapshots of earlier builds have none, and were made with the installation's.
func (s *State) readMeta(body []byte) error {
	installation := s.Meta.Salt
	s.Meta.Salt = nil
	err := json.Unmarshal(body, &s.Meta)
	if s.saltless = len(s.Meta.Salt) == 0; s.saltless {
		s.Meta.Salt = installation
	}
	s.Roster.Salt(s.Meta.Salt)
	return err
}

// Saltless reports whether the snapshot that was read does not say which salt its tombstones were made with.
func (s *State) Saltless() bool { return s.saltless }

// Tombstones is how many erased persons are known by a salted hash.
func (s *State) Tombstones() int { return s.Roster.Tombstones() }

// LoseSalt notes in a state that is about to be restored that its tombstones were made with a salt that is lost.
func (s *State) LoseSalt() { s.Meta.SaltLost = true }

// SaltLost reports whether the tombstones match nobody, because the salt that they were made with is lost.
func (s *State) SaltLost() bool { return s.Meta.SaltLost && s.Roster.Tombstones() > 0 }

// SaltlessDigest is the Digest that builds took which kept no salt in the state.
func (s *State) SaltlessDigest() (string, error) {
	salt := s.Meta.Salt
	s.Meta.Salt = nil
	defer func() { s.Meta.Salt = salt }()
	return s.Digest()
}
