package task

import "context"

// Beat is one round of the heartbeat.
func (q *Queue) Beat(ctx context.Context) error { return q.beat(ctx) }
