package run

import "context"

// Watch is one round of Start.
func (s *Store) Watch(ctx context.Context) error { return s.watch(ctx) }
