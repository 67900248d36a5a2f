// Package await says how long a test waits for what must happen. It ends a hang
// with the test's own words; it is no measure of speed, so it is long enough for
// a machine that runs the race detector and a browser at the same time. What
// measures speed is the bench.
package await

import "time"

// Limit is how long a test waits before it says what did not happen.
const Limit = 3 * time.Minute
