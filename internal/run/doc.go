// Package run is the executions: a job or an ad-hoc command is requested,
// approved where the project asks for it, carried out step by step on nodes,
// and leaves its log and its sealed events behind.
//
// Its invariants: what was approved is what runs (the digest is compared again
// before the first step), and a run is executed at most once: when the worker
// that held it vanished, the run becomes unknown and a person decides. Access,
// quorum and definitions belong to access, approval, job and node; reaching a
// machine belongs to whatever implements Executor.
package run
